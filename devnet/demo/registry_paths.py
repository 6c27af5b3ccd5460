"""What the registry and those who call it have to agree on: path, headers, files."""

IDENTITY = "registry"
DATABASE_FILE = "registry.sqlite"
ACCESS_LOG_FILE = "registry-access.log"
DATA_PATH = "/population/basic"
CALL_HEADER = "X-Kunlian-Call"
TRACE_HEADER = "X-Kunlian-Trace"
REQUESTER_HEADER = "X-Kunlian-Requester"
SALT_HEADER = "X-Kunlian-Salt"
ANSWER_SALT_HEADER = "X-Kunlian-Answer-Salt"
PURPOSE_HEADER = "X-Purpose"
CASE_HEADER = "X-Case"
SALT_BYTES = 16
