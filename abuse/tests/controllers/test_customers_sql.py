"""Customers from another database: a real PostgreSQL and a real SQLite, which are only read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from django.db import connection

from abuse.commands.import_customers import import_customers_command
from abuse.controllers.customers_sql import SourceError, query_customers
from abuse.models import DirectoryCustomer, DirectoryResource, DirectoryService
from abuse.services.crm.records import CustomerRecord

pytestmark = pytest.mark.django_db

CREATE = """
CREATE TABLE people (number int, mail text, since {timestamp}, vip {boolean});
CREATE TABLE leases (number int, network {inet}, since {timestamp}, until {timestamp}, first int, last int);
INSERT INTO people VALUES (1001, 'ann@shop.example', '2015-10-24T11:56:00+00:00', {true});
INSERT INTO people VALUES (1002, 'bo@shop.example', '2016-10-24T11:56:00+00:00', NULL);
INSERT INTO leases VALUES (1001, '203.0.113.8/29', '2024-11-02T18:00:00+00:00', NULL, NULL, NULL);
INSERT INTO leases VALUES (1001, '2001:db8:1::/48', NULL, NULL, NULL, NULL);
INSERT INTO leases VALUES (1002, '198.51.100.200', NULL, '2026-01-01T00:00:00+00:00', 1024, 2047);
"""
QUERY = """
SELECT 'c' || people.number AS customer_id, mail AS email, people.since AS creation_date, vip AS is_vip,
       'svc-' || people.number AS service_id, 'vps' AS service_name, network, leases.since AS valid_from,
       until AS valid_to, first AS port_from, last AS port_to
FROM people LEFT JOIN leases ON leases.number = people.number ORDER BY 1, 7;
"""


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "crm.db") as source:
        source.executescript(CREATE.format(timestamp="text", boolean="int", inet="text", true="1"))
    source.close()
    return "sqlite:///crm.db"


@pytest.fixture
def postgresql() -> Iterator[str]:
    """A schema of its own in the database of the tests, by another connection."""
    settings = connection.get_connection_params()
    names = {"host": "host", "port": "port", "user": "user", "password": "password", "dbname": "dbname"}
    given = {name: settings[key] for name, key in names.items() if settings.get(key)}
    dsn = psycopg.conninfo.make_conninfo(**given)
    with psycopg.connect(dsn, autocommit=True) as source:
        source.execute("DROP SCHEMA IF EXISTS other_crm CASCADE")
        source.execute("CREATE SCHEMA other_crm")
        source.execute("SET search_path = other_crm")
        source.execute(CREATE.format(timestamp="timestamptz", boolean="boolean", inet="inet", true="true").encode())
        yield psycopg.conninfo.make_conninfo(dsn, options="-c search_path=other_crm")
        source.execute("DROP SCHEMA other_crm CASCADE")


@pytest.fixture(params=["sqlite", "postgresql"])
def dsn(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def run(tmp_path: Path, dsn: str, query: str = QUERY, *options: str) -> Result:
    (tmp_path / "crm.dsn").write_text(dsn + "\n")
    (tmp_path / "customers.sql").write_text(query)
    files = ["--dsn-file", str(tmp_path / "crm.dsn"), "--query-file", str(tmp_path / "customers.sql")]
    return CliRunner().invoke(import_customers_command, [*files, *options])


def test_a_query_fills_the_directory_as_a_file_does(dsn: str, tmp_path: Path) -> None:
    dry = run(tmp_path, dsn, QUERY, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "would be imported; nothing was changed" in dry.output
    assert DirectoryCustomer.count() == 0
    wet = run(tmp_path, dsn)
    assert wet.exit_code == 0, wet.output
    assert [line.split() for line in wet.output.splitlines()[2:5]] == [
        ["customers", "2", "0", "0", "0"], ["services", "2", "0", "0", "0"], ["resources", "3", "0", "0", "0"],
    ]  # fmt: skip
    ann = DirectoryCustomer.get(customer_id="c1001")
    assert ann.data == {"email": "ann@shop.example", "creation_date": "2015-10-24T11:56:00Z", "is_vip": True}
    shared = DirectoryResource.get(service=DirectoryService.get(service_id="svc-1002"))
    assert (str(shared.network), shared.port_from, shared.port_to) == ("198.51.100.200/32", 1024, 2047)
    assert shared.valid_to is not None
    assert shared.valid_to.isoformat() == "2026-01-01T00:00:00+00:00"
    again = run(tmp_path, dsn)
    assert [line.split() for line in again.output.splitlines()[2:5]] == [
        ["customers", "0", "0", "2", "0"], ["services", "0", "0", "2", "0"], ["resources", "0", "0", "3", "0"],
    ]  # fmt: skip


def test_what_is_not_named_goes_only_when_it_is_asked_for(dsn: str, tmp_path: Path) -> None:
    run(tmp_path, dsn)
    one = QUERY.replace("ORDER", "WHERE people.number = 1001 ORDER")
    assert run(tmp_path, dsn, one).exit_code == 0
    assert DirectoryCustomer.count() == 2
    assert run(tmp_path, dsn, one, "--replace").exit_code == 0
    assert [customer.customer_id for customer in DirectoryCustomer.all()] == ["c1001"]


def test_a_wrong_value_is_named_by_row_and_column_and_nothing_is_imported(dsn: str, tmp_path: Path) -> None:
    result = run(tmp_path, dsn, QUERY.replace("mail AS email", "'nobody' AS email"))
    assert result.exit_code == 1
    assert "row 1 (customer 'c1001'): email: 'nobody'; expected one e-mail address" in result.output
    assert "nothing was imported" in result.output
    assert DirectoryCustomer.count() == 0


def test_columns_are_those_of_the_csv(dsn: str, tmp_path: Path) -> None:
    result = run(tmp_path, dsn, QUERY.replace("AS email", "AS mail"))
    assert "the query: header: 'mail'; expected columns of customer_id, email" in result.output
    result = run(tmp_path, dsn, "SELECT 'c1' AS customer_id, '2015-01-01' AS creation_date")
    assert "the query: email: missing; expected a column of this name" in result.output


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM people",
        "UPDATE people SET number = 1",
        "WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone",
        "CREATE TABLE mine (x int)",
        "SELECT 1; DELETE FROM people",
        "DROP TABLE people",
        "COMMIT",
    ],
)
def test_the_source_is_only_read(dsn: str, tmp_path: Path, query: str) -> None:
    result = run(tmp_path, dsn, query)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "nothing was imported" in result.output
    assert "row 3" not in result.output
    assert run(tmp_path, dsn, QUERY, "--dry-run").exit_code == 0, "the rows are still there"


def test_functions_that_write_are_refused_by_the_read_only_transaction(postgresql: str, tmp_path: Path) -> None:
    with psycopg.connect(postgresql, autocommit=True) as source:
        source.execute("CREATE SEQUENCE numbers")
    result = run(
        tmp_path, postgresql, "SELECT nextval('numbers')::text AS customer_id, '' AS email, '' AS creation_date"
    )
    assert "cannot execute nextval() in a read-only transaction" in result.output


def test_other_files_are_out_of_reach_of_sqlite(sqlite: str, tmp_path: Path) -> None:
    assert "not authorized" in run(tmp_path, sqlite, "ATTACH 'other.db' AS other").output
    assert "not authorized" in run(tmp_path, sqlite, "PRAGMA query_only = OFF").output
    assert not (tmp_path / "other.db").exists()


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("sqlite:///nowhere.db", "unable to open database file"),
        ("mysql://crm", "the DSN begins with 'mysql'; expected postgresql:// or sqlite:///"),
        ("postgresql://reader:secret@127.0.0.1:1/crm", "PostgreSQL: connection failed"),
        ("host=127.0.0.1 port=1 dbname=crm nonsense=1", 'invalid connection option "nonsense"'),
        ("", "one is empty"),
    ],
)
def test_a_database_that_is_not_there(tmp_path: Path, dsn: str, said: str) -> None:
    result = run(tmp_path, dsn)
    assert result.exit_code == 1
    assert said in result.output
    assert "secret" not in result.output


@pytest.mark.parametrize("options", [[], ["--dsn-file", "x.dsn"], ["x.dsn", "--dsn-file", "x.dsn"]])
def test_either_a_file_or_a_database(tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.dsn").write_text("x")
    result = CliRunner().invoke(import_customers_command, options)
    assert result.exit_code == 2
    assert "expected FILE alone, or --dsn-file and --query-file" in result.output


def test_many_rows_are_read_a_few_at_a_time(dsn: str, tmp_path: Path) -> None:
    query = """
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)
    SELECT 'c' || n AS customer_id, 'c@shop.example' AS email, '2015-10-24' AS creation_date FROM numbers
    """
    records = query_customers(dsn, query, base=tmp_path)
    first = next(records)
    assert isinstance(first, CustomerRecord)
    assert sum(1 for _ in records) == 4999


def test_a_query_that_fails_half_way_imports_nothing(postgresql: str, tmp_path: Path) -> None:
    query = """
    SELECT 'c' || n AS customer_id, 'c@shop.example' AS email, '2015-10-2' || (n / (n - 2500)) AS creation_date
    FROM generate_series(2501, 5000) AS n UNION ALL SELECT 'x', 'x@shop.example', (1 / 0)::text
    """
    with pytest.raises(SourceError, match="division by zero"):
        list(query_customers(postgresql, query, base=tmp_path))
    assert run(tmp_path, postgresql, query).exit_code == 1
    assert DirectoryCustomer.count() == 0
