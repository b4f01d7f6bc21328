// A foreign LoRaWAN end device (lora-packet) behind a packet forwarder of its own (Semtech UDP).
// node lorawan_node.js PORT GATEWAY DEV_EUI JOIN_EUI APP_KEY; prints {"listening": its port}. Orders are JSON lines:
// {"do": "join", "nonce": 7} asks to join and answers what the accept says, by lora-packet's reading;
// {"do": "up", "hex": "07d0", "port": 2, "confirmed": true, "ack": false, "error": "TOO_LATE", "wait": true} sends a frame
// and answers the downlink that came in its first window, where it waits for one.
'use strict'
const dgram = require('dgram')
const readline = require('readline')
const lora = require('lora-packet')

const [port, gateway, devEui, joinEui, key] = process.argv.slice(2)
const appKey = Buffer.from(key, 'hex')
const socket = dgram.createSocket('udp4')
const say = (object) => console.log(JSON.stringify(object))
let session = null
let counter = 0
let token = 0
let waiting = null
let refusal = 'NONE'

const datagram = (kind, body = Buffer.alloc(0)) => {
  token = (token + 1) & 0xffff
  return Buffer.concat([Buffer.from([2, token >> 8, token & 0xff, kind]), Buffer.from(gateway, 'hex'), body])
}
const send = (buffer) => socket.send(buffer, Number(port), '127.0.0.1')
const push = (payload) => send(datagram(0, Buffer.from(JSON.stringify({ rxpk: [{
  tmst: 1000000, freq: 868.3, chan: 1, rfch: 0, stat: 1, modu: 'LORA', datr: 'SF7BW125', codr: '4/5', rssi: -61, lsnr: 9.2,
  size: payload.length, data: payload.toString('base64')
}] }))))

socket.on('message', (data) => {
  if (data[3] !== 3) return // PUSH_ACK, PULL_ACK
  const packet = JSON.parse(data.subarray(4)).txpk
  const answer = Buffer.concat([Buffer.from([2, data[1], data[2], 5]), Buffer.from(gateway, 'hex')])
  send(Buffer.concat([answer, Buffer.from(JSON.stringify({ txpk_ack: { error: refusal } }))]))
  const take = waiting
  waiting = null
  if (take) take(packet, Buffer.from(packet.data, 'base64'))
})

function join (order) {
  const nonce = Buffer.from([order.nonce >> 8, order.nonce & 0xff])
  const request = lora.fromFields({
    MType: 'Join Request', AppEUI: Buffer.from(joinEui, 'hex'), DevEUI: Buffer.from(devEui, 'hex'), DevNonce: nonce
  }, null, null, appKey)
  waiting = (packet, data) => {
    const accept = lora.fromWire(lora.decryptJoinAccept(lora.fromWire(data), appKey))
    const genuine = lora.verifyMIC(accept, null, appKey)
    const keys = lora.generateSessionKeys10(appKey, accept.NetID, accept.AppNonce, nonce)
    session = { address: accept.DevAddr, ...keys }
    counter = 0
    say({ joined: genuine, address: accept.DevAddr.toString('hex'), tmst: packet.tmst })
  }
  push(request.getPHYPayload())
}

function up (order) {
  refusal = order.error || 'NONE'
  const frame = lora.fromFields({
    MType: order.confirmed ? 'Confirmed Data Up' : 'Unconfirmed Data Up', DevAddr: session.address, FCnt: counter++,
    FPort: order.port, FCtrl: { ACK: Boolean(order.ack) }, payload: Buffer.from(order.hex, 'hex')
  }, session.AppSKey, session.NwkSKey)
  if (!order.wait) {
    say({ sent: true })
  } else {
    waiting = (packet, data) => {
      const down = lora.fromWire(data)
      say({
        genuine: lora.verifyMIC(down, session.NwkSKey), type: down.getMType(), ack: down.getFCtrlACK(), port: down.getFPort(),
        counter: down.getFCnt(), tmst: packet.tmst,
        hex: down.FRMPayload && down.FRMPayload.length ? lora.decrypt(down, session.AppSKey, session.NwkSKey).toString('hex') : ''
      })
    }
  }
  push(frame.getPHYPayload())
}

socket.bind(0, '127.0.0.1', () => {
  send(datagram(2)) // PULL_DATA: where downlinks go
  say({ listening: socket.address().port })
  readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const order = JSON.parse(line)
    if (order.do === 'join') join(order)
    else if (order.do === 'pull') { send(datagram(2)); say({ pulled: true }) } else up(order)
  }).on('close', () => process.exit(0))
})
