"""Runs the state machines about SageMaker endpoints on moto, in this process.

    pip install -r provisioning-requirements.txt
    python provisioning.py [NAME ...]

Asserts what is there before and after, by boto3: provision makes endpoints and reports those that fail; deprovision
deletes all of a run, also where making failed or is still going on; the reaper deletes what has expired or has lost its
owner, and nothing else; each may be called twice; a run provisions, and its finish deletes. NAME limits it to the tests
so named. Ends with 1 where an assertion fails.

The definitions are those of infra/, with these changes, all of them in `definition`: placeholders are filled in, waits
take no time, lists have one item a page. moto is changed to do what AWS does and it doesn't, all in `like_aws`:
it refuses to make what exists and to delete an endpoint that is being created; endpoints take their time; tags with the
same key replace each other; executions without a name get one; errors of SageMaker are named as Step Functions names
them; requests and answers are spelled as Step Functions spells them; a retry takes no time. Lambda functions do not run: the states that call them are replaced by what they answer.

Not shown here: permissions, tags as conditions, quotas, the schedule, and whether SageMaker's messages read as
they did when this was written (`already existing`, `Could not find`).
"""

import functools
import json
import logging
import os
import pathlib
import re
import sys
import time
import traceback
import types
import uuid

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]  # the user's profiles, settings and credentials are none of our business
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_DEFAULT_REGION": "us-east-1"}

import boto3
import botocore.session
from botocore.exceptions import ClientError
from jsonata import jsonata
from moto import mock_aws
from moto.core.exceptions import ServiceException
from moto.sagemaker.models import SageMakerModelBackend
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

INFRA = pathlib.Path(__file__).resolve().parents[2] / "infra"
ARN = "arn:aws:{}:us-east-1:123456789012:{}"
ROLE = "arn:aws:iam::123456789012:role/{}"
PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
PREFIX = "fmgauge-0123456789ab-"
END_SECONDS = 300

# By endpoint: the statuses that it goes through, each seen once, the last for ever; before them errors that making it
# raises once each. Or one error, that it always raises.
STORY = {}


class Refused(ServiceException):
    def __init__(self, message, code="ValidationException"):
        super().__init__(message)
        self.code = code


def like_aws():
    moto_jsonata._eval_jsonata = lambda expression: jsonata.Jsonata(expression).evaluate(None)
    state_task_service_aws_sdk._SERVICE_ERROR_NAMES["sagemaker"] = "SageMaker"
    retrier_decl.time = types.SimpleNamespace(sleep=lambda seconds: None)

    start = StepFunctionsParserBackend.start_execution
    StepFunctionsParserBackend.start_execution = lambda self, arn, name=None, *more, **named: start(
        self, arn, name or str(uuid.uuid4()), *more, **named
    )

    @functools.cache
    def operation(service, action):
        model = botocore.session.get_session().get_service_model(service)
        [name] = [name for name in model.operation_names if name.lower() == action.replace("_", "")]
        return model.operation_model(name)

    def spelled(self, part, service, action, side, translate):
        found = operation(self._get_boto_service_name(service), self._get_boto_service_action(action))
        if shape := getattr(found, side):
            getattr(self, translate)(part, shape)

    StateTaskService._normalise_parameters = lambda self, parameters, boto_service_name=None, service_action_name=None: spelled(
        self, parameters, boto_service_name, service_action_name, "input_shape", "_to_boto_request"
    )
    StateTaskService._normalise_response = lambda self, response, boto_service_name=None, service_action_name=None: spelled(
        self, response, boto_service_name, service_action_name, "output_shape", "_from_boto_response"
    )

    def refuses_existing(method, kind, argument, resources):
        make = getattr(SageMakerModelBackend, method)

        def create(self, **named):
            if named[argument] in getattr(self, resources):
                raise Refused(f'Cannot create already existing {kind} "{named[argument]}".')
            return make(self, **named)

        setattr(SageMakerModelBackend, method, create)

    refuses_existing("create_model", "model", "model_name", "_models")
    refuses_existing("create_endpoint_config", "endpoint configuration", "endpoint_config_name", "endpoint_configs")
    refuses_existing("create_endpoint", "endpoint", "endpoint_name", "endpoints")

    def time_passes(self, name):
        if name in self.endpoints and (statuses := STORY.get(name)):
            endpoint = self.endpoints[name]
            endpoint.endpoint_status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            endpoint.failure_reason = "no such image" if endpoint.endpoint_status == "Failed" else None

    create, describe, delete = (getattr(SageMakerModelBackend, f"{verb}_endpoint") for verb in ("create", "describe", "delete"))

    def create_endpoint(self, **named):
        story = STORY.setdefault(named["endpoint_name"], ["Creating", "Creating", "InService"])
        if isinstance(story, Exception):
            raise story
        if isinstance(story[0], Exception):
            raise story.pop(0)
        endpoint = create(self, **named)
        endpoint.endpoint_status = story[0]
        return endpoint

    def describe_endpoint(self, endpoint_name):
        time_passes(self, endpoint_name)
        return describe(self, endpoint_name)

    def delete_endpoint(self, endpoint_name):
        time_passes(self, endpoint_name)
        if endpoint_name in self.endpoints and self.endpoints[endpoint_name].endpoint_status == "Creating":
            raise Refused(f'Cannot update in-progress endpoint "{endpoint_name}".')
        return delete(self, endpoint_name)

    def add_tags(self, arn, tags):
        resource = self._get_resource_from_arn(arn)
        if resource is None:
            raise Refused(f'Could not find "{arn}".')
        resource.tags = as_tags(as_dict(resource.tags) | as_dict(tags))
        return resource.tags

    SageMakerModelBackend.create_endpoint = create_endpoint
    SageMakerModelBackend.describe_endpoint = describe_endpoint
    SageMakerModelBackend.delete_endpoint = delete_endpoint
    SageMakerModelBackend.add_tags = add_tags


def as_dict(tags):
    return {tag["Key"]: tag["Value"] for tag in tags}


def as_tags(named):
    return [{"Key": key, "Value": value} for key, value in named.items()]


def definition(machine, instead=None):
    values = {
        "SageMakerArn": ARN.format("sagemaker", "")[:-1],
        "SageMakerRoleArn": ROLE.format("model"),
        "RunExecutions": ARN.format("states", "execution:fmgauge-run:"),
        "NotificationTopicArn": ARN.format("sns", "topic"),
    }

    def value(match):
        name = match[1]
        if name.endswith("StateMachineArn"):
            return ARN.format("states", "stateMachine:fmgauge-" + name.removesuffix("StateMachineArn").lower())
        return name if name.endswith("FunctionArn") else values[name]

    text = re.sub(r"\$\{(\w+)\}", value, (INFRA / f"{machine}.asl.json").read_text())
    assert "'MaxResults': 100" in text or "MaxResults" not in text
    states = json.loads(text.replace("'MaxResults': 100", "'MaxResults': 1"))

    def without_waiting(part):
        if isinstance(part, dict):
            if part.get("Type") == "Wait" and "Seconds" in part:
                part["Seconds"] = 0
            part = part.values()
        if isinstance(part, (list, type({}.values()))):
            for inner in part:
                without_waiting(inner)

    without_waiting(states)
    for name, answer in (instead or {}).items():
        state = states["States"][name]
        following = {key: state[key] for key in ("Next", "End") if key in state}
        states["States"][name] = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": answer, **following}
    return json.dumps(states)


class World:
    """An account with nothing in it but the state machines."""

    def __init__(self):
        STORY.clear()
        self.sagemaker, self.stepfunctions = boto3.client("sagemaker"), boto3.client("stepfunctions")
        for machine in ("provision", "deprovision", "reaper"):
            self.machine(machine, definition(machine))

    def machine(self, name, text):
        self.stepfunctions.create_state_machine(name=f"fmgauge-{name}", definition=text, roleArn=ROLE.format(name))

    def start(self, machine, given, name=None):
        arn = ARN.format("states", f"stateMachine:fmgauge-{machine}")
        started = self.stepfunctions.start_execution(stateMachineArn=arn, input=json.dumps(given), name=name or str(uuid.uuid4()))
        return started["executionArn"]

    def ended(self, execution):
        deadline = time.monotonic() + END_SECONDS
        while (seen := self.stepfunctions.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{execution} still runs after {END_SECONDS} s"
            time.sleep(0.02)
        return seen

    def run(self, machine, given):
        seen = self.ended(self.start(machine, given))
        assert seen["status"] == "SUCCEEDED", {key: seen.get(key) for key in ("status", "error", "cause")}
        return json.loads(seen["output"])

    def there(self):
        """The names of all endpoints, configurations and models."""
        return {
            "endpoints": sorted(e["EndpointName"] for e in self.sagemaker.list_endpoints()["Endpoints"]),
            "configs": sorted(c["EndpointConfigName"] for c in self.sagemaker.list_endpoint_configs()["EndpointConfigs"]),
            "models": sorted(m["ModelName"] for m in self.sagemaker.list_models()["Models"]),
        }

    def make(self, name, tags):
        """By hand, as somebody else does."""
        given = wanted(name)
        tags = as_tags(tags)
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE.format("other"), Tags=tags, **given["model"])
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, Tags=tags, **given["config"])
        STORY.setdefault(name, ["InService"])
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags)

    def tags(self, kind, name):
        tags = self.sagemaker.list_tags(ResourceArn=ARN.format("sagemaker", f"{kind}/{name}"))["Tags"]
        assert len(as_dict(tags)) == len(tags), tags  # AWS refuses a key that comes twice
        return as_dict(tags)


def wanted(name, tags=()):
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.g4dn.xlarge", "InitialInstanceCount": 1}
    return {
        "name": name,
        "model": {"PrimaryContainer": {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/serving:1"}},
        "config": {"ProductionVariants": [variant]},
        "tags": list(tags),
    }


def for_run(*names, execution=ARN.format("states", "execution:fmgauge-run:one")):
    tags = as_tags({"team": "serving", "fmgauge:run-id": "forged", "fmgauge:expires-at": PAST, "fmgauge:execution": "forged"})
    endpoints = [wanted(name, tags) for name in names]
    return {"run_id": "run-1", "expires_at": FUTURE, "execution": execution, "endpoints": endpoints}


def everywhere(*names):
    return {kind: sorted(names) for kind in ("endpoints", "configs", "models")}


def by_name(endpoints):
    return {endpoint["name"]: endpoint for endpoint in endpoints}


def provision_makes_and_deprovision_deletes(world):
    one, two = PREFIX + "one", PREFIX + "two"
    foreign = ["fmgauge-0123456789ac-one", "my-" + one]  # another run's; one that only contains the prefix
    for name in foreign:
        world.make(name, {})
    assert world.there() == everywhere(*foreign)

    made = world.run("provision", for_run(one, two))
    assert made == {"endpoints": [{"name": one, "status": "InService"}, {"name": two, "status": "InService"}]}, made
    assert world.there() == everywhere(one, two, *foreign)
    for kind in ("model", "endpoint-config", "endpoint"):
        tags = {"team": "serving", "fmgauge:run-id": "run-1", "fmgauge:expires-at": FUTURE}
        tags["fmgauge:execution"] = for_run()["execution"]
        assert world.tags(kind, one) == tags, world.tags(kind, one)
    assert world.sagemaker.describe_model(ModelName=one)["ExecutionRoleArn"] == ROLE.format("model")

    # Again, by another execution of the run: nothing is made, and the endpoints are its own now.
    other = ARN.format("states", "execution:fmgauge-run:two")
    assert world.run("provision", for_run(one, two, execution=other)) == made
    assert world.there() == everywhere(one, two, *foreign)
    assert world.tags("endpoint", one)["fmgauge:execution"] == other

    given = {"run_id": "run-1", "prefix": PREFIX}
    ended = world.run("deprovision", given)
    assert sorted(ended["deleted"]) == [one, two] and ended["not_deleted"] == [], ended
    assert world.there() == everywhere(*foreign)
    assert world.run("deprovision", given) == {"deleted": [], "not_deleted": []}
    assert world.run("deprovision", {"names": [one]}) == {"deleted": [one], "not_deleted": []}
    assert world.run("deprovision", {"names": []}) == {"deleted": [], "not_deleted": []}
    assert world.there() == everywhere(*foreign)


def what_fails_is_data_and_is_deleted_too(world):
    good, broken, no_quota, no_model, slow = (PREFIX + name for name in ("good", "broken", "no-quota", "no-model", "slow"))
    STORY[good] = [Refused("Rate exceeded", "ThrottlingException"), Refused("Rate exceeded", "ThrottlingException"), "Creating", "InService"]
    STORY[broken] = ["Creating", "Failed"]
    STORY[no_quota] = Refused("The account-level service limit is 0.", "ResourceLimitExceeded")
    STORY[slow] = ["Creating"]
    given = for_run(good, broken, no_quota, no_model, slow)
    given["endpoints"][3]["config"]["ProductionVariants"][0]["ModelName"] = "nobody-made-it"
    for _ in range(2):
        made = by_name(world.run("provision", given)["endpoints"])
        assert made.pop(good) == {"name": good, "status": "InService"}
        assert {endpoint["status"] for endpoint in made.values()} == {"Failed"} and len(made) == 4, made
        assert made[broken]["reason"] == "Failed: no such image", made
        assert "service limit is 0" in made[no_quota]["reason"], made
        assert "Could not find model" in made[no_model]["reason"], made
        assert made[slow]["reason"] == "Creating after 60 looks, one a minute", made
    there = world.there()
    assert there["endpoints"] == sorted([good, broken, slow]), there
    assert there["configs"] == sorted([good, broken, slow, no_quota]), there
    assert there["models"] == sorted([good, broken, slow, no_quota, no_model]), there

    STORY[slow] = ["Creating", "Creating", "InService"]  # refused twice
    ended = world.run("deprovision", {"run_id": "run-1", "prefix": PREFIX})
    assert sorted(ended["deleted"]) == sorted([good, broken, no_quota, no_model, slow]), ended
    assert ended["not_deleted"] == [], ended
    assert world.there() == everywhere()


def what_cannot_be_deleted_yet_is_told(world):
    good, stuck = PREFIX + "good", PREFIX + "stuck"
    STORY[stuck] = ["Creating"]
    world.run("provision", for_run(good, stuck))
    ended = world.run("deprovision", {"run_id": "run-1", "prefix": PREFIX})
    assert ended["deleted"] == [good], ended
    [left] = ended["not_deleted"]
    assert left["name"] == stuck and "Cannot update in-progress endpoint" in left["reason"], left
    assert world.there() == everywhere(stuck)  # what it still uses is left alone
    STORY[stuck] = ["Failed"]
    assert world.run("deprovision", {"run_id": "run-1", "prefix": PREFIX}) == {"deleted": [stuck], "not_deleted": []}
    assert world.there() == everywhere()


def the_reaper_takes_what_expired_or_lost_its_owner(world):
    waiting = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    world.machine("run", json.dumps(waiting))
    running, ended = world.start("run", {}, "running"), world.start("run", {}, "ended")
    world.stepfunctions.stop_execution(executionArn=ended)
    assert world.ended(ended)["status"] == "ABORTED"
    unknown = ARN.format("states", "execution:fmgauge-run:unknown")
    elsewhere = ARN.format("states", "execution:other-run:unknown")

    def owned(by=None, until=FUTURE):
        return {"fmgauge:run-id": "r", "fmgauge:expires-at": until} | ({"fmgauge:execution": by} if by else {})

    kept = {
        "fmgauge-running": owned(running),
        "fmgauge-by-hand": owned(),
        "fmgauge-of-another-stack": owned(elsewhere),
        "fmgauge-untagged": {},
        "fmgauge-without-run": {"fmgauge:expires-at": PAST, "fmgauge:execution": unknown},
        "fmgauge-without-expiry": {"fmgauge:run-id": "r", "fmgauge:execution": unknown},
        "fmgauge-empty": owned(running) | {"fmgauge:execution": ""},
        "my-fmgauge-endpoint": owned(unknown, PAST),
    }
    doomed = {
        "fmgauge-expired": owned(running, PAST),
        "fmgauge-expired-by-hand": owned(until=PAST),
        "fmgauge-expired-elsewhere": owned(elsewhere, PAST),
        "fmgauge-owner-ended": owned(ended),
        "fmgauge-owner-unknown": owned(unknown),
        "fmgauge-no-time": owned(unknown, "never"),
        "fmgauge-creating": owned(ended),
    }
    STORY["fmgauge-creating"] = ["Creating", "Creating", "InService"]
    for name, tags in (kept | doomed).items():
        world.make(name, tags)

    answer = world.run("reaper", {})
    assert sorted(answer["deleted"]) == sorted(doomed), answer
    assert world.there() == everywhere(*kept)
    assert world.run("reaper", {}) == {"deleted": [], "not_deleted": []}
    assert world.there() == everywhere(*kept)

    # One that cannot be deleted fails it, and the others are deleted all the same.
    STORY["fmgauge-stuck"] = ["Creating"]
    world.make("fmgauge-stuck", owned(ended))
    world.make("fmgauge-late", owned(ended))
    seen = world.ended(world.start("reaper", {}))
    assert (seen["status"], seen["error"]) == ("FAILED", "NotDeleted"), seen
    assert "fmgauge-stuck: " in seen["cause"] and "in-progress" in seen["cause"], seen
    assert world.there() == everywhere(*kept, "fmgauge-stuck")
    STORY["fmgauge-stuck"] = ["InService"]
    assert world.run("reaper", {})["deleted"] == ["fmgauge-stuck"]
    assert world.there() == everywhere(*kept)
    world.stepfunctions.stop_execution(executionArn=running)


def with_run_and_finish(world, provisions, summary):
    """The run and finish machines, with what the functions answer in the place of their states. Returns the e-mails."""
    sns = boto3.client("sns")
    sns.create_topic(Name="topic")
    rounds = {"run_id": "run-1", "round": 0, "rounds": 0, "wait_until": None, "status": "running", **provisions}
    seen_by_round = "{% $merge([$states.input, {'seen': $states.input.provisioned}]) %}"
    world.machine("run", definition("run", {"Plan": rounds, "RunRound": seen_by_round}))
    lines = {"run_id": "run-1", "status": "complete", "answer": "a", "report": "r", "cost_usd": 1, "unfinished_blocks": 0}
    world.machine("finish", definition("finish", {"Summarize": lines | summary}))


def mails():
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.sns.models import sns_backends

    [topic] = sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].topics.values()
    return [notification[1] for notification in topic.sent_notifications]


def a_run_provisions_and_its_finish_deletes(world):
    one, stuck = PREFIX + "one", PREFIX + "stuck"
    STORY[stuck] = ["Creating"]
    given = for_run(one, stuck)
    with_run_and_finish(world, {"provisions": {key: given[key] for key in ("expires_at", "endpoints")}}, {"provisioned_prefix": PREFIX})
    run = world.start("run", {})
    seen = world.ended(run)
    assert seen["status"] == "SUCCEEDED", seen
    assert world.there() == everywhere(stuck)
    assert world.tags("endpoint", stuck)["fmgauge:execution"] == run
    assert world.tags("endpoint", stuck)["fmgauge:run-id"] == "run-1"
    [mail] = mails()
    assert mail.splitlines()[-1].startswith(f"NOT DELETED, it may still cost money: {stuck}: "), mail
    events = world.stepfunctions.get_execution_history(executionArn=run, maxResults=1000)["events"]
    left = {e["stateExitedEventDetails"]["name"]: e["stateExitedEventDetails"] for e in events if "stateExitedEventDetails" in e}
    [made, not_made] = json.loads(left["RunRound"]["output"])["seen"]
    assert made == {"name": one, "status": "InService"} and not_made["status"] == "Failed", (made, not_made)
    # The rule starts finish after an execution that was stopped: by the execution's ARN, and as often as it likes.
    STORY[stuck] = ["InService"]
    for _ in range(2):
        answer = world.run("finish", {"execution": run, "cause": "ABORTED"})
        assert answer["not_deleted"] == [], answer
        assert world.there() == everywhere()
    assert "NOT DELETED" not in mails()[-1]


def a_run_without_provisioning_has_none(world, provisions=None, summary=None):
    world.make(PREFIX + "one", {})
    with_run_and_finish(world, provisions or {}, summary or {})
    answer = world.run("run", {})
    assert "not_deleted" not in answer, answer
    assert world.there() == everywhere(PREFIX + "one")
    assert mails() == ["a\n\nReport: r\nCost: $1 in tokens\nBlocks not measured to their end: 0"], mails()
    for machine in ("provision", "deprovision"):
        arn = ARN.format("states", f"stateMachine:fmgauge-{machine}")
        assert world.stepfunctions.list_executions(stateMachineArn=arn)["executions"] == []


def a_run_with_null_for_provisioning_has_none(world):
    a_run_without_provisioning_has_none(world, {"provisions": None}, {"provisioned_prefix": None})


TESTS = [
    provision_makes_and_deprovision_deletes,
    what_fails_is_data_and_is_deleted_too,
    what_cannot_be_deleted_yet_is_told,
    the_reaper_takes_what_expired_or_lost_its_owner,
    a_run_provisions_and_its_finish_deletes,
    a_run_without_provisioning_has_none,
    a_run_with_null_for_provisioning_has_none,
]


def main():
    logging.disable()  # moto logs each failed execution at length
    like_aws()
    failed = []
    for test in [test for test in TESTS if test.__name__ in sys.argv[1:] or not sys.argv[1:]]:
        started = time.monotonic()
        try:
            with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
                test(World())
        except (AssertionError, ClientError):
            traceback.print_exc()
            failed.append(test)
        print(f"{'FAILED' if test in failed else 'ok'} {test.__name__} in {time.monotonic() - started:.1f} s", flush=True)
    sys.stderr.flush()
    os._exit(1 if failed else 0)  # without waiting for executions that a failed test left behind


if __name__ == "__main__":
    main()
