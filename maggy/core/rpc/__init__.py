"""Connect the driver and its workers: sockets, keys and frames. It knows messages, not trials.

ZeroMQ carries the messages. CURVE encrypts them and authenticates both sides: the keys are made for
one experiment and reach the workers inside the Spark job. No byte of a peer without the key reaches
the decoder, and the decoder makes only the message types of :mod:`maggy.core.messages`.
"""

from maggy.core.rpc.address import Address
from maggy.core.rpc.client import Client
from maggy.core.rpc.server import Server
from maggy.core.rpc.waker import Waker

__all__ = ["Address", "Client", "Server", "Waker"]
