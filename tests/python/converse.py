"""Asks a simulated Bedrock endpoint by boto3 for answers in one piece.

    python converse.py URL MODEL_ID --failing-prompt TEXT

Asserts that an answer has its text, a usage that adds up, how it was served and the headers of a
simulation; that the same request gets the same answer; that system text counts as input; that the
limit of output tokens cuts; that an unknown model, a malformed request and a mode that does not
exist raise the service's exceptions, and so does the prompt for which the simulator's script must
hold a model error. Prints a summary as JSON.

Needs boto3 and nothing else: the credentials are made up, and no request leaves URL.
"""

import argparse
import json
import time

from converse_stream import connect

PROMPT = "Summarize cloud computing in one sentence."


def ask(client, model_id, text, **more):
    return client.converse(
        modelId=model_id,
        messages=[{"role": "user", "content": [{"text": text}]}],
        **more,
    )


def text_of(response):
    assert response["output"]["message"]["role"] == "assistant", response
    [block] = response["output"]["message"]["content"]
    return block["text"]


def check_answer(client, model_id):
    started = time.perf_counter()
    response = ask(client, model_id, PROMPT, inferenceConfig={"maxTokens": 1000})
    elapsed_ms = (time.perf_counter() - started) * 1000
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-fmgauge-simulated"] == "true", headers
    assert headers["content-type"] == "application/json", headers
    assert response["stopReason"] == "end_turn", response
    usage = response["usage"]
    assert usage["outputTokens"] == len(text_of(response).split()), response
    assert usage["inputTokens"] > 0, usage
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"], usage
    assert 0 < response["metrics"]["latencyMs"] <= elapsed_ms, response
    assert "performanceConfig" not in response and "serviceTier" not in response, response
    again = ask(client, model_id, PROMPT, inferenceConfig={"maxTokens": 1000})
    assert text_of(again) == text_of(response)
    return {"request_id": response["ResponseMetadata"]["RequestId"], "usage": usage}


def check_requests(client, model_id, usage):
    response = ask(
        client,
        model_id,
        PROMPT,
        system=[{"text": "Be short."}],
        inferenceConfig={"maxTokens": 2},
        performanceConfig={"latency": "optimized"},
        serviceTier={"type": "flex"},
    )
    assert len(text_of(response).split()) == 2, response
    assert response["stopReason"] == "max_tokens", response
    assert response["usage"]["inputTokens"] > usage["inputTokens"], response
    assert response["performanceConfig"] == {"latency": "optimized"}, response
    assert response["serviceTier"] == {"type": "flex"}, response


def check_refusal(client, exception, status, model_id, text, **more):
    try:
        ask(client, model_id, text, **more)
        raise AssertionError(f"{text!r} was answered")
    except exception as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, error.response
        assert error.response["Error"]["Message"], error.response


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("model_id")
    parser.add_argument("--failing-prompt", required=True)
    arguments = parser.parse_args()
    client = connect(arguments.url)
    model_id, exceptions = arguments.model_id, client.exceptions
    summary = check_answer(client, model_id)
    check_requests(client, model_id, summary["usage"])
    unknown = "nobody.no-such-model-v1:0"
    check_refusal(client, exceptions.ResourceNotFoundException, 404, unknown, "Hello")
    check_refusal(client, exceptions.ValidationException, 400, model_id, " ")
    mode = {"latency": "hasty"}
    check_refusal(
        client, exceptions.ValidationException, 400, model_id, "Hello", performanceConfig=mode
    )
    check_refusal(
        client, exceptions.ModelErrorException, 424, model_id, arguments.failing_prompt
    )
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
