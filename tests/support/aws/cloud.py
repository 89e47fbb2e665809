"""DocuSnap on AWS as template.yaml describes it: bucket, queue, five functions, the API and the schedule, on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from docusnap.adapters.postgres.ledger import PostgresLedger
from docusnap.model import Scope

from tests.support.aws import template
from tests.support.aws.environment import Image
from tests.support.aws.function import Call, Function, invocable, running_function
from tests.support.aws.gateway import running_gateway
from tests.support.provision import provisioned
from tests.support.relay import Relay, relayed, to_port, to_socket
from tests.support.stores import Store, running_ministack
from tests.support.stores.store import ROOT

BUCKET = "docusnap"
CACHE = ROOT / ".cache"
CONCURRENCY: Mapping[str, int] = {"upload": 1, "query": 2, "intake": 1, "ocr": 2, "sweep": 1}
SCHEDULED = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "account": "000000000000", "detail": {}}
EVENTS_TOKEN = "events-token"
ASSUMED = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


@dataclass
class Cloud:
    """What a test may look at and disturb."""

    store: Store  # ministack itself, past the relay
    bucket: Relay  # what DocuSnap and its clients reach of S3
    database: Relay  # what the functions reach of PostgreSQL
    ledger: PostgresLedger  # past the relay
    functions: Mapping[str, Function]
    queue: str  # URL
    dead: str  # URL of its dead letters
    api: str = ""
    mapping_id: str = ""
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def ocr(self) -> Function:
        return self.functions["ocr"]

    def sweep(self) -> Call:
        """What the schedule does every minute."""
        return self.functions["sweep"].invoke(SCHEDULED)

    def key(self, tenant: str, *scopes: Scope) -> str:
        if tenant not in self.keys:
            self.keys[tenant] = self.ledger.create_key(tenant, frozenset(scopes))
        return self.keys[tenant]

    def hidden_for(self, seconds: int) -> None:
        """How long a message that was received stays hidden; at AWS twelve minutes."""
        self.store.client("sqs").set_queue_attributes(QueueUrl=self.queue, Attributes={"VisibilityTimeout": str(seconds)})

    def mapping(self, *, enabled: bool) -> None:
        """Whether the queue's messages are handed to `ocr`."""
        self.store.client("lambda").update_event_source_mapping(UUID=self.mapping_id, Enabled=enabled)

    @property
    def queue_arn(self) -> str:
        return str(self._queue_attributes["QueueArn"])

    @property
    def receives(self) -> int:
        """After so many a message is given up."""
        return int(json.loads(self._queue_attributes["RedrivePolicy"])["maxReceiveCount"])

    @property
    def _queue_attributes(self) -> dict[str, str]:
        found: dict[str, str] = self.store.client("sqs").get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        return found

    def allow(self, service: str, source: str) -> None:
        """Add to the queue's policy that this service may send for this source."""
        policy = json.loads(self._queue_attributes["Policy"])
        policy["Statement"].append(
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sqs:SendMessage",
                "Resource": self.queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": source}},
            }
        )
        self.store.client("sqs").set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": json.dumps(policy)})

    def depth(self, url: str) -> int:
        """Messages in a queue, those under way too."""
        found = self.store.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])


def s3_environ(store: Store, port: int) -> dict[str, str]:
    return {**store.environ(BUCKET), "S3_ENDPOINT_URL": f"http://127.0.0.1:{port}"}


def zip_image(name: str, environ: Mapping[str, str]) -> Image:
    """As `make layer` and the function's folder make it."""
    said = template.properties(name)
    return Image(
        name=name,
        handler=said["Handler"],
        python=CACHE / "lambda-runtime/bin/python",
        environ=environ,
        timeout=said["Timeout"],
        memory=said["MemorySize"],
        path=("/var/task", "/opt/python"),
        binds={"/var/task": ROOT / said["CodeUri"], "/opt/python": CACHE / "layer/python"},
    )


def ocr_image(environ: Mapping[str, str], timeout: int | None = None) -> Image:
    """The packages, the code and the command of the image of `ocr`, without the container around them."""
    said = template.properties("ocr")
    models = {"OCR_MODEL_DIR": str(CACHE / "lambda/models"), "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: S108
    return Image(
        name="ocr",
        handler=said["ImageConfig"]["Command"][0],
        python=CACHE / "lambda/bin/python",
        environ={**models, **environ},
        timeout=timeout or said["Timeout"],
        memory=said["MemorySize"],
        path=("/app/layers", "/app"),
        binds={"/app/layers": ROOT / "layers", "/app/functions": ROOT / "functions"},
    )


def database_relay(url: str) -> tuple[Any, sa.URL]:
    """How to reach the server of a URL, and the URL's rest."""
    made = sa.make_url(url)
    folder = made.host or made.query.get("host")
    if folder and str(folder).startswith("/"):
        return to_socket(f"{folder}/.s.PGSQL.{made.port or 5432}"), made
    return to_port(made.port or 5432), made


@contextmanager
def running_cloud(folder: Path, database_url: str, **settings: str) -> Iterator[Cloud]:
    """Everything listens, the first call of a function starts it. `settings` are added to every function's variables."""
    connect, made = database_relay(database_url)
    with ExitStack() as stack:
        store = stack.enter_context(running_ministack(folder / "ministack"))
        bucket = stack.enter_context(relayed(to_port(int(store.url.rpartition(":")[2]))))
        database = stack.enter_context(relayed(connect))
        ledger = PostgresLedger.connect(database_url, pool_size=2)
        stack.callback(ledger.dispose)
        provisioned(s3_environ(store, bucket.port), "--kind", "aws")
        sqs = store.client("sqs")
        queue, dead = (sqs.get_queue_url(QueueName=f"{BUCKET}-ocr{end}")["QueueUrl"] for end in ("", "-dead"))
        url = made.set(host="127.0.0.1", port=database.port, query={"connect_timeout": "3"}).render_as_string(hide_password=False)
        environ = {**s3_environ(store, bucket.port), "DATABASE_URL": url, "OCR_QUEUE_URL": queue, "EVENTS_TOKEN": EVENTS_TOKEN, **settings}
        images = {name: ocr_image(environ) if name == "ocr" else zip_image(name, environ) for name in template.FUNCTIONS}
        functions = {name: stack.enter_context(running_function(image, folder, CONCURRENCY[name])) for name, image in images.items()}
        cloud = Cloud(store, bucket, database, ledger, functions, queue, dead)
        stack.enter_context(mapped(cloud))
        invoke = lambda name, event: functions[name].invoke(event)  # noqa: E731
        cloud.api = stack.enter_context(running_gateway(template.routes(), template.gateway_responses(), invoke))
        yield cloud


@contextmanager
def mapped(cloud: Cloud) -> Iterator[None]:
    """SQS's event source mapping, as the template says."""
    said = template.mapping()
    with invocable(cloud.ocr) as url:
        client, role = cloud.store.client("lambda"), cloud.store.client("iam").create_role(RoleName="ocr", AssumeRolePolicyDocument=ASSUMED)
        client.create_function(
            FunctionName="ocr",
            Runtime="provided.al2023",
            Role=role["Role"]["Arn"],
            Handler="x",
            Code={"ZipFile": EMPTY_ZIP},
            Timeout=cloud.ocr.image.timeout + 30,  # the emulator keeps the time
            Environment={"Variables": {"MINISTACK_LAMBDA_PROXY_URL": url}},
        )
        made = client.create_event_source_mapping(
            EventSourceArn=cloud.queue_arn,
            FunctionName="ocr",
            BatchSize=said["BatchSize"],
            FunctionResponseTypes=said["FunctionResponseTypes"],
            ScalingConfig={"MaximumConcurrency": CONCURRENCY["ocr"]},
        )
        cloud.mapping_id = made["UUID"]
        try:
            yield
        finally:
            client.delete_event_source_mapping(UUID=made["UUID"])


@contextmanager
def scheduled(cloud: Cloud, seconds: float) -> Iterator[None]:
    """`sweep` as often; at AWS every minute."""
    stop = threading.Event()

    def tick() -> None:
        while not stop.wait(seconds):
            cloud.sweep()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
