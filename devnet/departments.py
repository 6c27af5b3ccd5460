"""The departments of the devnet.

Their codes have the form of a 统一社会信用代码, right check characters included (GB 32100-2015),
with a region (999900) that does not exist.
"""

from dataclasses import dataclass

from chainnode.errors import ConfigurationError

MEMBER, ISSUER, SERVICE, AUDITOR, CUSTODIAN = 1, 2, 3, 4, 5
NODES_MIN = 4
NODES_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A department: `name` is its node's name, `organisation` its id on the chain."""

    name: str
    organisation: str
    title_zh: str
    title_en: str
    serves: str  # the catalogue item that others ask it for
    roles: tuple[int, ...] = (MEMBER, SERVICE)

    @property
    def title(self) -> str:
        """Both languages, Chinese first."""
        return f"{self.title_zh} {self.title_en}"


def _department(name: str, organisation: str, zh: str, en: str, serves: str) -> Department:
    return Department(name=name, organisation=organisation, title_zh=zh, title_en=en, serves=serves)


POLICE = _department(
    "police", "11999900MBK000015N", "公安局", "Public Security", "population.basic"
)
CIVIL = _department("civil", "11999900MBK000023H", "民政局", "Civil Affairs", "marriage.status")
HOUSING = _department("housing", "11999900MBK000031C", "住建局", "Housing", "housing.ownership")
DATA = Department(
    name="data",
    organisation="11999900MBK00004X4",
    title_zh="数据局",
    title_en="Data Bureau",
    serves="catalog.shared",
    roles=(MEMBER, ISSUER, SERVICE, AUDITOR, CUSTODIAN),
)
DEPARTMENTS = (
    POLICE,
    CIVIL,
    HOUSING,
    DATA,
    _department("labour", "11999900MBK0000584", "人社局", "Human Resources", "insurance.status"),
    _department("health", "11999900MBK000066Y", "卫健委", "Health", "health.card"),
    _department("education", "11999900MBK000074R", "教育局", "Education", "education.degree"),
    _department("market", "11999900MBK000082L", "市场监管局", "Market Regulation", "company.basic"),
    _department("tax", "11999900MBK000090F", "税务局", "Taxation", "tax.paid"),
    _department("land", "11999900MBK0001035", "自然资源局", "Natural Resources", "land.parcel"),
)


def first_departments(count: int) -> tuple[Department, ...]:
    """Return the departments of a devnet with `count` nodes; the first four are always there.

    Raises:
        ConfigurationError: fewer than a group needs, or more than are named.

    """
    if not NODES_MIN <= count <= NODES_MAX:
        raise ConfigurationError(f"--nodes: expected {NODES_MIN} to {NODES_MAX}, got {count}")
    return DEPARTMENTS[:count]


def department_of(organisation: str) -> Department | None:
    """Return the department with this id, if it is one of ours."""
    return next((one for one in DEPARTMENTS if one.organisation == organisation), None)
