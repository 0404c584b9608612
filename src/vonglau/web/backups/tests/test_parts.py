"""What belongs to a backup, by name."""

from pathlib import Path

from vonglau.web.backups import parts


def test_models_that_were_put_in_place_are_kept_and_what_can_be_asked_again_is_not(tmp_path: Path) -> None:
    for name in (
        "models/field_reports.safetensors",
        "models/earlier/0001-keywords",
        "imports/a/all.csv",
        "rejects/a.csv",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert [name for name, _path in parts.kept(tmp_path)] == [
        "models/earlier/0001-keywords",
        "models/field_reports.safetensors",
    ]
    assert parts.unknown(tmp_path) == []
