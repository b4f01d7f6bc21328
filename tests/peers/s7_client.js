// A foreign S7 client (nodes7): reads the variables named on the command line once and prints them as one JSON line.
// node s7_client.js PORT RACK SLOT ADDRESS...; an address followed by =VALUE is written first.
'use strict'
const NodeS7 = require('nodes7')
const [port, rack, slot, ...addresses] = process.argv.slice(2)
const client = new NodeS7({ silent: true })
const fail = (why) => { console.log(JSON.stringify({ failed: String(why) })); process.exit(1) }
const names = addresses.map((each) => each.split('=')[0])
const writes = addresses.filter((each) => each.includes('=')).map((each) => each.split('='))
setTimeout(() => fail('no answer in time'), 60000)

client.initiateConnection({ port: Number(port), host: '127.0.0.1', rack: Number(rack), slot: Number(slot), timeout: 30000 }, (error) => {
  if (error) fail(error)
  client.addItems(names)
  const read = () => client.readAllItems((bad, values) => {
    console.log(JSON.stringify({ bad, values }))
    client.dropConnection(() => process.exit(0))
  })
  if (!writes.length) return read()
  client.writeItems(writes.map((each) => each[0]), writes.map((each) => Number(each[1])), (bad) => bad ? fail('write refused') : read())
})
