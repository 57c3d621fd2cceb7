#!/usr/bin/env python3
"""A server process for the system tests: echoes lines over TCP and UDP, and misbehaves on command.

A line it is sent is answered as is, but for:
  !pid            its process id
  !env NAME       an environment variable, "" when it is not set
  !exit CODE      no answer; the process exits with the code
  !signal NUMBER  no answer; the process kills itself with the signal
  !cwd            its working directory
"""

import argparse
import os
import selectors
import signal
import socket
import sys
import time


def obey(line):
    """The answer to one line; may not return."""
    word, _, rest = line.partition(" ")
    if word == "!pid":
        return str(os.getpid())
    if word == "!env":
        return os.environ.get(rest, "")
    if word == "!cwd":
        return os.getcwd()
    if word == "!exit":
        os._exit(int(rest))
    if word == "!signal":
        os.kill(os.getpid(), int(rest))
        time.sleep(60)
    return line


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--udp", action="store_true", help="listen on UDP instead of TCP")
    parser.add_argument("--extra-port", type=int, action="append", default=[], help="one more TCP port")
    parser.add_argument("--start-delay", type=float, default=0, help="seconds before the port is bound")
    parser.add_argument("--wait-for", help="bind only once this file exists")
    parser.add_argument("--exit-at-start", type=int, help="exit with this code instead of serving")
    parser.add_argument("--fail-while", help="exit with code 3 at start while this file exists")
    parser.add_argument("--count-starts", help="append a line to this file at start")
    parser.add_argument("--ignore-term", action="store_true", help="only SIGKILL ends it")
    arguments = parser.parse_args()

    if arguments.count_starts:
        with open(arguments.count_starts, "a", encoding="ascii") as file:
            file.write(f"{os.getpid()} {time.monotonic():.3f}\n")
    if arguments.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if arguments.exit_at_start is not None:
        sys.exit(arguments.exit_at_start)
    if arguments.fail_while and os.path.exists(arguments.fail_while):
        sys.exit(3)
    time.sleep(arguments.start_delay)
    while arguments.wait_for and not os.path.exists(arguments.wait_for):
        time.sleep(0.02)

    selector = selectors.DefaultSelector()
    if arguments.udp:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("0.0.0.0", arguments.port))
        selector.register(udp, selectors.EVENT_READ, "datagram")
    tcp_ports = ([] if arguments.udp else [arguments.port]) + arguments.extra_port
    for port in tcp_ports:
        listener = socket.create_server(("0.0.0.0", port))
        selector.register(listener, selectors.EVENT_READ, "listener")
    print(f"serving on {arguments.port}", flush=True)
    while True:
        for key, _ in selector.select():
            if key.data == "datagram":
                data, peer = key.fileobj.recvfrom(65_536)
                key.fileobj.sendto(obey(data.decode().rstrip("\n")).encode(), peer)
            elif key.data == "listener":
                client, _ = key.fileobj.accept()
                selector.register(client, selectors.EVENT_READ, "client")
            else:
                try:
                    data = key.fileobj.recv(65_536)
                except ConnectionError:
                    data = b""
                if not data:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
                    continue
                for line in data.decode().splitlines():
                    key.fileobj.sendall(obey(line).encode() + b"\n")


if __name__ == "__main__":
    main()
