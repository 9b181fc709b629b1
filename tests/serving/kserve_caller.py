"""What KServe's own client does with a gateway, run by an interpreter that has it: `python kserve_caller.py URL MODEL`; prints JSON.

Not imported by any test: KServe's dependencies are not ours.
"""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig


def asked(model: str, *, binary: bool, income: float = 120.0) -> InferRequest:
    numbers, texts = InferInput("income", [2, 1], "FP64"), InferInput("home", [2], "BYTES")
    numbers.set_data_from_numpy(np.array([[income], [90.0]], dtype=np.float64), binary_data=binary)
    texts.set_data_from_numpy(np.array([b"rent", b"owner"], dtype=np.object_), binary_data=binary)
    return InferRequest(model, [numbers, texts], request_id="from-kserve")


async def main(url: str, model: str) -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    found: dict[str, object] = {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model ready": await client.is_model_ready(url, model),
    }
    for binary in (False, True):
        answer = await client.infer(url, asked(model, binary=binary), model_name=model)
        outputs = {output.name: np.asarray(output.as_numpy()).reshape(-1).tolist() for output in answer.outputs}
        found["binary" if binary else "json"] = {
            "id": answer.id,
            "outputs": {name: [one.decode() if isinstance(one, bytes) else one for one in values] for name, values in outputs.items()},
        }
    try:
        await client.infer(url, asked(model, binary=False, income=1e9), model_name=model)
    except httpx.HTTPStatusError as error:
        found["refused"] = [error.response.status_code, str(error)]
    try:
        await client.infer(url, asked(model, binary=False), model_name="nobodys")
    except httpx.HTTPStatusError as error:
        found["unknown"] = [error.response.status_code, str(error)]
    await client.close()
    print(json.dumps(found))  # noqa: T201  # that is what it is for


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
