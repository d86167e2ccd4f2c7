"""Write the table of calls into docs/reference/permissions.md: `python -m abuse.tests.api.write_permissions`."""

from __future__ import annotations

from abuse.bootstrap import set_up


def main() -> None:
    set_up()
    from .test_matrix import BEGIN, END, REFERENCE, reference_table

    text = REFERENCE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    REFERENCE.write_text(f"{before}{BEGIN}\n\n{reference_table()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
