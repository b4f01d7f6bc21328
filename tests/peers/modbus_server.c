/* A Modbus/TCP server on libmodbus for tests and benchmarks.
 *
 *     cc -O2 -o modbus_server modbus_server.c -I/usr/include/modbus -lmodbus
 *     modbus_server PORT REGISTERS [HOLE_START HOLE_COUNT]
 *
 * Prints "listening PORT" once it does. Holding register n holds n (modulo 65536) until it is written; input register n
 * holds 65535 - n; every third coil and discrete input is on. Registers and coils of the hole do not exist: reads that
 * touch them are answered with exception 02. Serves any number of connections, one request after the other.
 */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

static int hole_start = -1, hole_count = 0;

static int in_hole(const uint8_t *pdu)
{
    int function = pdu[0], start = pdu[1] << 8 | pdu[2], count = pdu[3] << 8 | pdu[4];
    return function >= 1 && function <= 4 && start < hole_start + hole_count && start + count > hole_start;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: %s PORT REGISTERS [HOLE_START HOLE_COUNT]\n", argv[0]);
        return 2;
    }
    int registers = atoi(argv[2]);
    if (argc == 5) {
        hole_start = atoi(argv[3]);
        hole_count = atoi(argv[4]);
    }
    modbus_t *context = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_mapping_t *map = modbus_mapping_new(registers, registers, registers, registers);
    if (context == NULL || map == NULL)
        return 1;
    for (int n = 0; n < registers; n++) {
        map->tab_registers[n] = (uint16_t)n;
        map->tab_input_registers[n] = (uint16_t)(65535 - n);
        map->tab_bits[n] = map->tab_input_bits[n] = n % 3 == 0;
    }
    int listener = modbus_tcp_listen(context, 8);
    if (listener < 0) {
        fprintf(stderr, "%s\n", modbus_strerror(errno));
        return 1;
    }
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    getsockname(listener, (struct sockaddr *)&own, &size);
    printf("listening %d\n", ntohs(own.sin_port));
    fflush(stdout);

    fd_set open_ones;
    FD_ZERO(&open_ones);
    FD_SET(listener, &open_ones);
    int highest = listener, header = modbus_get_header_length(context);
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        fd_set ready = open_ones;
        if (select(highest + 1, &ready, NULL, NULL, NULL) < 0)
            return 1;
        for (int descriptor = 0; descriptor <= highest; descriptor++) {
            if (!FD_ISSET(descriptor, &ready))
                continue;
            if (descriptor == listener) {
                int client = accept(listener, NULL, NULL);
                if (client >= 0) {
                    FD_SET(client, &open_ones);
                    highest = client > highest ? client : highest;
                }
                continue;
            }
            modbus_set_socket(context, descriptor);
            int length = modbus_receive(context, query);
            if (length > 0) {
                if (length >= header + 5 && in_hole(query + header))
                    modbus_reply_exception(context, query, MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS);
                else
                    modbus_reply(context, query, length, map);
            } else if (length < 0) {
                close(descriptor);
                FD_CLR(descriptor, &open_ones);
            }
        }
    }
}
