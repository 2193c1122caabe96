"""The AWS account that stages are deployed to: the caller's identity, and the bucket for packages."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from chalicelib.security.aws import Aws
from tasks.errors import TaskError

FAULTS = (BotoCoreError, ClientError)
DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")
# The region that S3 takes no location constraint for.
FIRST_REGION = "us-east-1"
CLOSED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass
class Account(Aws):
    """An account and a region, by the credentials of the environment (profile, OIDC, …).

    :param endpoint: URL of a local cloud.
    """

    session: Session = field(default_factory=Session)
    endpoint: str | None = None

    @cached_property
    def region(self) -> str:
        """The region.

        :raises TaskError: none is configured.
        """
        region = self.session.get_config_variable("region")
        if not region:
            raise TaskError("No region: set AWS_DEFAULT_REGION, or choose a profile with AWS_PROFILE.")
        return str(region)

    @property
    def partition(self) -> str:
        """The partition of the region, as in ARNs: aws, aws-cn or aws-us-gov, for example."""
        return str(self.session.get_partition_for_region(self.region))

    @cached_property
    def number(self) -> str:
        """The account's number.

        :raises TaskError: the credentials are missing or not accepted.
        """
        try:
            return str(self.client("sts").get_caller_identity()["Account"])
        except FAULTS as error:
            raise TaskError(f"No valid AWS credentials: {error}") from error

    def client(self, service: str) -> Any:
        """Create a client of a service."""
        return self.session.create_client(service, self.region, endpoint_url=self.endpoint)

    def table(self, name: str) -> dict[str, Any]:
        """Describe a table; empty if there is none."""
        try:
            return dict(self.client("dynamodb").describe_table(TableName=name)["Table"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return {}
            raise

    @cached_property
    def s3(self) -> Any:
        """A client of S3."""
        return self.client("s3")

    @property
    def bucket_name(self) -> str:
        """The name of the bucket for packages."""
        return f"grail-packages-{self.number}-{self.region}"

    @cached_property
    def bucket(self) -> str:
        """The bucket for packages; it is created on first use, private and encrypted."""
        name = self.bucket_name
        try:
            self.s3.head_bucket(Bucket=name, ExpectedBucketOwner=self.number)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise TaskError(f"The bucket {name} can't be used: {error}") from error
            self._create_bucket(name)
        return name

    def _create_bucket(self, name: str) -> None:
        place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.s3.create_bucket(Bucket=name, **({} if self.region == FIRST_REGION else place))
        self.s3.put_public_access_block(
            Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(CLOSED, True)
        )
        self.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(_only_by_tls(name, self.partition)))

    def upload(self, body: bytes, key: str) -> str:
        """Upload an object, unless it already exists, and return its key; keys name contents."""
        try:
            self.s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def read(self, address: str) -> bytes:
        """Read the object at a URL that `address` returned."""
        key = address.partition(f"/{self.bucket}/")[2]
        return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def address(self, key: str) -> str:
        """Return the URL of an object, as CloudFormation wants it."""
        endpoint = self.s3.meta.endpoint_url.rstrip("/")
        return f"{endpoint}/{self.bucket}/{key}"


def is_denied(error: Exception) -> bool:
    """Whether AWS refused a call because the caller lacks the permission."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in DENIED


def _only_by_tls(bucket: str, partition: str) -> dict[str, Any]:
    arn = f"arn:{partition}:s3:::{bucket}"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
