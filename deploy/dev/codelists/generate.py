#!/usr/bin/env python3
"""Generates the code lists of administrative units: units in force with their dates, and the crosswalk of 2025.

Reads the pinned package named in requirements.txt (installed under target/tools) and patch.csv, writes the CSV files
beside this script, and refuses to write anything when a count differs from the official one. The result depends on
nothing else: running it twice gives the same bytes.
"""

import csv
import json
import sqlite3
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = HERE.parents[2] / "target" / "tools" / "codelists"

# Two-tier local government began on this day; the older units ended the day before.
REFORM, LAST_LEGACY_DAY = "2025-07-01", "2025-06-30"
DAY_BEFORE = {"2026-04-30": "2026-04-29"}

KINDS = {
    "province": {"Thành phố": "city", "Tỉnh": "province"},
    "district": {"Thành phố": "city", "Quận": "urban_district", "Huyện": "rural_district", "Thị xã": "town"},
    "commune": {"Phường": "ward", "Xã": "commune", "Thị trấn": "township", "Đặc khu": "special_zone"},
}
LEVELS = {level: order for order, level in enumerate(KINDS)}
UNIT_HEADER = ["code", "level", "parent", "kind", "name", "valid_from", "valid_until"]


def install():
    """Brings the package of requirements.txt, hash-checked, once."""
    if not (PACKAGES / "vietnamadminunits").is_dir():
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--root-user-action=ignore", "--no-deps",
             "--only-binary=:all:", "--require-hashes", "--target", str(PACKAGES),
             "-r", str(HERE / "requirements.txt")],
            check=True,
        )
    return PACKAGES / "vietnamadminunits" / "data"


def unit(level, code, parent, name, valid_from, valid_until):
    """One row, its kind read from the words the name begins with."""
    name = unicodedata.normalize("NFC", name.strip())
    prefix = next(words for words in KINDS[level] if name.lower().startswith(words.lower() + " "))
    name = prefix + name[len(prefix):]
    return dict(zip(UNIT_HEADER, [code, level, parent, KINDS[level][prefix], name, valid_from, valid_until]))


def legacy_units(database):
    """The units in force until 30 June 2025. Their beginnings are not known: the start stays open."""
    units = {}
    for row in database.execute("select * from admin_units_legacy"):
        for level, code, parent in (
            ("province", row["provinceCode"], ""),
            ("district", row["districtCode"], row["provinceCode"]),
            ("commune", row["wardCode"], row["districtCode"]),
        ):
            if code:
                name = row["ward" if level == "commune" else level]
                units[level, code] = unit(level, code, parent, name, "", LAST_LEGACY_DAY)
    return units


def current_units(database):
    """The units of the package as of 1 July 2025, before any patch."""
    units = {}
    for row in database.execute("select * from admin_units"):
        province = row["provinceCode"]
        units["province", province] = unit("province", province, "", row["province"], REFORM, "")
        units["commune", row["wardCode"]] = unit("commune", row["wardCode"], province, row["ward"], REFORM, "")
    return units


def patch(units):
    """Applies patch.csv: a wrong code is corrected in place; a change of kind ends one row and begins another."""
    rows, corrected = dict(units), {}
    ended = []
    with open(HERE / "patch.csv", encoding="utf-8", newline="") as file:
        for change in csv.DictReader(file):
            level, code = change["level"], change["code"]
            old = rows.pop((level, code))
            if change["field"] == "code":
                new = old | {"code": change["value"]}
                corrected[code] = change["value"]
            else:
                kinds = {kind: words for words, kind in KINDS[level].items()}
                name = kinds[change["value"]] + old["name"].removeprefix(kinds[old["kind"]])
                new = old | {"kind": change["value"], "name": name, "valid_from": change["date"]}
                ended.append(old | {"valid_until": DAY_BEFORE[change["date"]]})
            rows[level, new["code"]] = new
    return rows, ended, corrected


def crosswalk(database, data, corrected):
    """Old unit to new unit: every candidate, marked whole or part, and no guess which one is meant."""
    old, new, provinces = {}, {}, {}
    for row in database.execute("select * from admin_units_legacy"):
        level, code = ("commune", row["wardCode"]) if row["wardCode"] else ("district", row["districtCode"])
        old["_".join([row["provinceKey"], row["districtKey"], row["wardKey"] or ""])] = (level, code)
        provinces[row["provinceKey"]] = row["provinceCode"]
    for row in database.execute("select * from admin_units"):
        code = corrected.get(row["wardCode"], row["wardCode"])
        new[row["provinceKey"], row["wardKey"]] = code
        new[row["provinceKey"]] = row["provinceCode"]
    pairs = set()
    for province, olds in data["DICT_PROVINCE"].items():
        pairs |= {("province", provinces[key], new[province], "whole") for key in olds}
    for province, wards in data["DICT_PROVINCE_WARD_NO_DIVIDED"].items():
        pairs |= {(*old[key], new[province, ward], "whole") for ward, olds in wards.items() for key in olds}
    for province, wards in data["DICT_PROVINCE_WARD_DIVIDED"].items():
        pairs |= {(*old[key], new[province, ward["newWardKey"]], "part") for key, news in wards.items() for ward in news}
    return sorted(pairs, key=lambda pair: (LEVELS[pair[0]], *pair[1:]))


def expect(what, found, wanted):
    """Stops before a wrong list is written."""
    if found != wanted:
        sys.exit(f"generate: {what}: expected {wanted}, found {found}")


def check(legacy, current, ended, pairs):
    """The official counts: Decision 19/2025/QD-TTg, Resolution 30/2026/QH16, Resolution 237/NQ-UBTVQH16."""
    expect("units until 2025-06-30", Counter(row["level"] for row in legacy.values()),
           {"province": 63, "district": 696, "commune": 10035})
    kinds = Counter((row["level"], row["kind"]) for row in current.values())
    expect("units since 2026-04-30", kinds, {
        ("province", "city"): 7, ("province", "province"): 27,
        ("commune", "ward"): 697, ("commune", "commune"): 2611, ("commune", "special_zone"): 13,
    })
    expect("units that changed on 2026-04-30", len(ended), 11)
    expect("crosswalk", Counter(level for level, *_ in pairs), {"province": 63, "district": 5, "commune": 10597})
    expect("communes split in 2025", len({code for level, code, _, extent in pairs if extent == "part"}), 471)
    known = {code for level, code in current if level == "commune"}
    expect("crosswalk targets not in the list", {new for level, _, new, _ in pairs if level != "province"} - known, set())


def write(name, header, rows):
    """One CSV file in UTF-8 with LF."""
    with open(HERE / name, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main():
    data = install()
    database = sqlite3.connect(data / "dataset.db")
    database.row_factory = sqlite3.Row
    legacy = legacy_units(database)
    current, ended, corrected = patch(current_units(database))
    pairs = crosswalk(database, json.loads((data / "converter_2025.json").read_text(encoding="utf-8")), corrected)
    check(legacy, current, ended, pairs)

    order = lambda row: (LEVELS[row["level"]], row["code"], row["valid_from"])
    for name, units in (("vn-units-legacy.csv", legacy.values()), ("vn-units.csv", [*current.values(), *ended])):
        write(name, UNIT_HEADER, (list(row.values()) for row in sorted(units, key=order)))
    write("vn-crosswalk-2025-07-01.csv", ["old_level", "old_code", "new_code", "extent"], pairs)


if __name__ == "__main__":
    main()
