"""What runs in the peers' environments: the network behind each of them, as their own documentation has a model served.

Needs numpy, onnxruntime and the peer; nothing of the project. Each module is a program, `python -m bench.peers.served.NAME GRAPH
PORT [SETTING=NUMBER]`, started in an empty folder of its own, that becomes the peer's server.
"""
