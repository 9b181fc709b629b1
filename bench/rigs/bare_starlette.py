"""The baseline of `bench.serving`: what a team writes in an afternoon. Starlette, eager torch, the same model, nothing else.

`python -m bench.rigs.bare_starlette FOLDER DESCRIPTOR` serves the package in FOLDER on a listening socket that it inherits. It has
the same weights, the same fitted preprocessor and the same protocol; it routes nothing, checks nothing, counts nothing and logs
nothing. It runs on the same server as the gateway: uvicorn, uvloop, httptools, one worker, no access log.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import torch
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from lifecycle.features import Preprocessor
from lifecycle.records.manifest import FILE_NAMES, ModelSchemas
from lifecycle.training.function import TrainingFunction


def application(folder: Path, function: TrainingFunction) -> Starlette:
    """The model of a package behind one route."""
    parts = {part: (folder / name).read_bytes() for part, name in FILE_NAMES.items()}
    preprocessor = Preprocessor.parse(parts["preprocessor"])
    schemas = ModelSchemas.parse(parts["schemas"])
    probabilities = function.eager(parts)

    async def infer(request: Request) -> JSONResponse:
        asked = await request.json()
        columns = {tensor["name"]: tensor["data"] for tensor in asked["inputs"]}
        found = probabilities(preprocessor.apply(columns)).tolist()
        decisions = [schemas.positive if value >= schemas.threshold else schemas.negative for value in found]
        return JSONResponse(
            {
                "model_name": request.path_params["model"],
                "id": asked.get("id", ""),
                "outputs": [
                    {"name": "probability", "datatype": "FP32", "shape": [len(found)], "data": found},
                    {"name": "decision", "datatype": "BYTES", "shape": [len(found)], "data": decisions},
                ],
            }
        )

    return Starlette(routes=[Route("/v2/models/{model}/infer", infer, methods=["POST"])])


def main() -> None:
    from assets.credit.network import train_credit_network

    # One thread, as the gateway's sessions have: more make a network of this size slower, not faster.
    torch.set_num_threads(1)
    listener = socket.socket(fileno=int(sys.argv[2]))
    settings = uvicorn.Config(
        application(Path(sys.argv[1]), train_credit_network), loop="uvloop", http="httptools", lifespan="off", access_log=False
    )
    uvicorn.Server(settings).run(sockets=[listener])


if __name__ == "__main__":
    main()
