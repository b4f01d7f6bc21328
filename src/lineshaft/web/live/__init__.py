"""Live push: one WebSocket a client, only the tags it shows, last value wins, at most ten messages a second.

    bus → feed → LatestTable → board (what changed, encoded once) → hub (≤ 10 ticks a second) → listener → socket

Messages from the client:  {"subscribe": ["path", …], "unsubscribe": ["path", …]}
Messages from the server:  {"values": [["path", time in µs, value, StatusCode], …]}
                           {"subscribed": how many tags now, "refused": [{"path", "code", "message"}, …]}
                           {"stale": whether values stopped coming, "now": server's time in µs}   every 5 s, and on change
                           {"error": problem document}   the last message was not understood; the connection stays
Closed with 4401 when the session or token ended or was revoked, 4403 when it lost the right to read, 1012 at a restart.
"""
