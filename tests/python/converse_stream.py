"""Asks a simulated Bedrock endpoint by boto3, a client that is not ours.

    python converse_stream.py URL MODEL_ID [--exception-prompt TEXT]

Asserts that an answer has its events in the service's order, a text, a usage that adds up and the
headers of a simulation; that the same request gets the same answer; that the limit of output
tokens cuts; and that an unknown model and a malformed request raise the service's exceptions. With
`--exception-prompt`, also that a prompt with this text, for which the simulator's script must hold
an exception inside the stream, raises `EventStreamError`. Prints a summary as JSON.

Needs boto3 and nothing else: the credentials are made up, and no request leaves URL.
"""

import argparse
import json
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError


def connect(url):
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="simulated",
        aws_secret_access_key="simulated",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=30, proxies={}),
    )


def ask(client, model_id, text, **inference):
    """The response, its events and when each came, in seconds since the request."""
    started = time.perf_counter()
    response = client.converse_stream(
        modelId=model_id,
        system=[{"text": "You answer in one paragraph."}],
        messages=[{"role": "user", "content": [{"text": text}]}],
        inferenceConfig={"temperature": 0.1, **inference},
    )
    events = [(time.perf_counter() - started, event) for event in response["stream"]]
    return response, events


def texts(events):
    deltas = [event["contentBlockDelta"] for _, event in events if "contentBlockDelta" in event]
    assert all(delta["contentBlockIndex"] == 0 for delta in deltas), deltas
    return [delta["delta"]["text"] for delta in deltas]


def stop_reason(events):
    [reason] = [event["messageStop"]["stopReason"] for _, event in events if "messageStop" in event]
    return reason


def check_answer(client, model_id):
    response, events = ask(client, model_id, "Summarize cloud computing in one sentence.", maxTokens=1000)
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-fmgauge-simulated"] == "true", headers
    assert headers["content-type"] == "application/vnd.amazon.eventstream", headers
    assert len(response["ResponseMetadata"]["RequestId"]) == 36, response["ResponseMetadata"]

    tokens = texts(events)
    assert tokens and all(tokens), tokens
    names = [name for _, event in events for name in event]
    assert names == (
        ["messageStart"]
        + ["contentBlockDelta"] * len(tokens)
        + ["contentBlockStop", "messageStop", "metadata"]
    ), names
    assert events[0][1]["messageStart"] == {"role": "assistant"}, events[0]
    assert stop_reason(events) == "end_turn"
    metadata = events[-1][1]["metadata"]
    usage = metadata["usage"]
    assert usage["outputTokens"] == len(tokens), usage
    assert usage["inputTokens"] > 0, usage
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"], usage
    first = next(at for at, event in events if "contentBlockDelta" in event)
    assert metadata["metrics"]["latencyMs"] / 1000 <= events[-1][0], metadata
    return {
        "request_id": response["ResponseMetadata"]["RequestId"],
        "usage": usage,
        "text": "".join(tokens),
        "ttft_ms": round(first * 1000, 3),
        "e2e_ms": round(events[-1][0] * 1000, 3),
        "service_latency_ms": metadata["metrics"]["latencyMs"],
    }


def check_repetition(client, model_id, text):
    _, events = ask(client, model_id, "Summarize cloud computing in one sentence.", maxTokens=1000)
    assert "".join(texts(events)) == text


def check_limit(client, model_id):
    _, events = ask(client, model_id, "Summarize cloud computing.", maxTokens=2)
    assert len(texts(events)) == 2, events
    assert stop_reason(events) == "max_tokens", events


def check_refusals(client, model_id):
    try:
        ask(client, "nobody.no-such-model-v1:0", "Hello")
        raise AssertionError("an unknown model was answered")
    except client.exceptions.ResourceNotFoundException as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404, error.response
        assert error.response["Error"]["Message"], error.response
    try:
        ask(client, model_id, " ")
        raise AssertionError("a blank prompt was answered")
    except client.exceptions.ValidationException as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error.response


def check_exception(client, model_id, text):
    try:
        ask(client, model_id, text)
        raise AssertionError("no exception came inside the stream")
    except EventStreamError as error:
        assert isinstance(error, ClientError)
        return error.response["Error"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("model_id")
    parser.add_argument("--exception-prompt")
    arguments = parser.parse_args()
    client = connect(arguments.url)
    summary = check_answer(client, arguments.model_id)
    check_repetition(client, arguments.model_id, summary["text"])
    check_limit(client, arguments.model_id)
    check_refusals(client, arguments.model_id)
    if arguments.exception_prompt:
        summary["stream_exception"] = check_exception(
            client, arguments.model_id, arguments.exception_prompt
        )
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
