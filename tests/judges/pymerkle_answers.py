"""Run by `pymerkle-python`, in an environment of its own: what pymerkle says of the tree over some leaves.

From standard input {"leaves": [hex]}, to standard output the root of every size and the hashes of every inclusion
proof, as hex. Nothing of ours is imported here, and nothing here is imported by ours: pymerkle is under the GPL.
"""

import json
import sys


def main() -> None:
    from pymerkle import InmemoryTree  # type: ignore[import-not-found]  # in an environment of its own

    leaves = [bytes.fromhex(leaf) for leaf in json.load(sys.stdin)["leaves"]]
    tree = InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        tree.append_entry(leaf)
    sizes = range(1, len(leaves) + 1)
    answer = {
        "roots": [tree.get_root(size).hex() for size in sizes],
        "inclusions": {
            f"{index}/{size}": tree.prove_inclusion(index + 1, size).serialize()["path"] for size in sizes for index in range(size)
        },
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
