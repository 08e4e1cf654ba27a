"""What one small write to a TCP connection on loopback costs on this machine, the way to the other end's buffer included.

Not a subject. It is the floor under every delivery that has a write of its own, whatever server makes it, and it
differs between machines by more than the servers do: the reason why known figures hold on one machine only.
"""

import socket
import time

from harness import expect

CONNECTIONS = 300
# So little for each connection that no buffer fills, since nobody reads.
WRITES_EACH = 100


def write_cost(size):
    """CPU seconds for a million writes of `size` bytes."""
    with socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS) as listener:
        clients = [socket.create_connection(listener.getsockname()) for _ in range(CONNECTIONS)]
        servers = [listener.accept()[0] for _ in clients]
    data = bytes(size)
    begun = time.process_time()
    sent = sum(server.send(data) for _ in range(WRITES_EACH) for server in servers)
    used = time.process_time() - begun
    for end in (*servers, *clients):
        end.close()
    expect("bytes written", sent, size * WRITES_EACH * CONNECTIONS)
    return used / (WRITES_EACH * CONNECTIONS) * 1e6
