"""Words that say it is no field report, and those that only sound so."""

import pytest

from vonglau.services.field_reports.public.doors import Door, doors


@pytest.mark.parametrize(
    ("words", "door"),
    [
        ("Có đám cháy ở chợ", Door.FIRE),
        ("dang chay nha o 12 Le Loi", Door.FIRE),
        ("Có người kẹt thang máy", Door.FIRE),
        ("house on fire", Door.FIRE),
        ("Một cụ già bất tỉnh bên đường", Door.AMBULANCE),
        ("Tai nạn giao thông, có người bị thương", Door.AMBULANCE),
        ("Đang có đánh nhau trước quán", Door.POLICE),
        ("CƯỚP GIẬT ở cầu Rồng", Door.POLICE),
        ("Tôi muốn khiếu nại quyết định thu hồi đất", Door.COMPLAINT),
        ("Tố cáo cán bộ nhận hối lộ", Door.COMPLAINT),
        ("Thấy tài liệu tối mật vứt ở bãi rác", Door.CLASSIFIED),
    ],
)
def test_the_door_is_recognised(words: str, door: Door) -> None:
    assert door in doors(words)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "Bóng đèn bị cháy, tối om",
        "Đèn đường cháy mất ba hôm",
        "Trụ nước chữa cháy bị rò",
        "Xe tải chạy quá tốc độ",
        "Nước chảy tràn ra đường",
        "Rác cháy hôi? không, chỉ là rác chưa thu gom",
        "Ổ gà lớn trước số 12",
        "Fire hydrant leaks",
    ],
)
def test_what_only_sounds_so_is_let_be(words: str) -> None:
    assert doors(words) == ()


def test_the_most_urgent_stands_first() -> None:
    assert doors("tố cáo hàng xóm, đang cháy nhà")[0] == Door.FIRE
