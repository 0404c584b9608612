"""The door's reasons for Vietnamese readers. It speaks English, to integrators; what is not known here is shown as it was said."""

import re

from vonglau.centre.names import language

_SAID: tuple[tuple[str, str], ...] = (
    (r"Object missing required field `([^`]*)`\.?", "Thiếu trường bắt buộc “{0}”."),
    (r"Object contains unknown field `([^`]*)`\.?", "Có trường lạ “{0}”: hãy bỏ đi, hoặc sửa tên."),
    (r"Invalid RFC3339 encoded datetime\.?", "Không phải thời điểm theo RFC 3339, ví dụ 2026-11-23T08:30:00+07:00."),
    (r"Expected `([^`]*)`, got `([^`]*)`\.?", "Cần kiểu {0}, nhận được {1}."),
    (r"Expected `([^`]*)`([<>=]+)\s*(\S+?)\.?", "Cần {0} {1} {2}."),
    (r"Invalid enum value (.+?)\.?", "Giá trị {0} không nằm trong danh sách cho phép."),
    (r"JSON is malformed: (.+?)\.?", "JSON sai cú pháp ({0})."),
    (r"Input data was truncated\.?", "JSON bị cắt cụt."),
    (r"`([^`]*)` is empty: .*", "“{0}” trống: hãy ghi giá trị, hoặc bỏ hẳn."),
    (r"`([^`]*)` has more than (\d+) characters\.", "“{0}” dài hơn {1} ký tự."),
    (r"`([^`]*)` contains the control character (U\+\w+): remove it\.", "“{0}” chứa ký tự điều khiển {1}: hãy bỏ đi."),
    (r"`([^`]*)` is no URI reference: (.+) must be percent-encoded\.", "“{0}” không phải địa chỉ URI: {1} phải viết dạng %xx."),
    (r"Names of attributes are .*", "Tên thuộc tính gồm 1 đến 64 chữ thường và chữ số."),
    (r"`([^`]*)` must be a string, a boolean or a 32-bit integer.*", "“{0}” phải là chuỗi, đúng/sai hoặc số nguyên 32 bit; dữ liệu khác đặt trong data."),
    (r"Give both `lon` and `lat`, or neither\.", "Phải có cả lon và lat, hoặc không có cả hai."),
    (r"`([^`]*)` is no decimal number: .*", "“{0}” không phải số thập phân: viết độ như \"108.2208\"."),
    (r"`([^`]*)` is off the Earth: it must lie between -(\S+) and \S+ degrees.*", "“{0}” nằm ngoài Trái Đất: phải từ -{1} đến {1} độ (WGS 84)."),
    (r"`exercise` is no world's id: .*", "“exercise” không phải mã thế giới: chữ thường, chữ số, gạch nối, nhiều nhất 63 ký tự."),
    (r"This token may not write to the world `([^`]*)`: .*", "Khóa truy cập này không được ghi vào thế giới “{0}”: hãy dùng khóa của thế giới đó."),
    (r"The item has more than (\d+) KiB: .*", "Mục lớn hơn {0} KiB: để nội dung lớn ở ngoài và dẫn đến nó."),
    (r"This door speaks CloudEvents 1\.0: .*", "Cửa này nhận CloudEvents 1.0: đặt specversion là \"1.0\"."),
    (r"This event (?:has no data|has data that are not JSON.*); type (\S+) is declared and needs them\.", "Sự kiện không có dữ liệu đọc được; loại {0} đã khai báo và cần dữ liệu."),
    (r"The clock of this world is driven by its events: .*", "Đồng hồ của thế giới này chạy theo sự kiện: mỗi sự kiện phải có time."),
    (r"`time` is outside the years 1 to 9999\.", "“time” nằm ngoài các năm 1 đến 9999."),
    (r"`time` is more than (\d+) minutes ahead of the world's clock: .*", "“time” sớm hơn đồng hồ của thế giới quá {0} phút: hãy kiểm tra đồng hồ nơi gửi."),
    (r"Give `data` or `data_base64`, not both\.", "Chỉ dùng data hoặc data_base64, không dùng cả hai."),
    (r"`data_base64` is no Base64 .*", "“data_base64” không phải Base64."),
    (r"The text contains U\+0000 \(NUL\): remove it\.", "Có ký tự NUL (U+0000): hãy bỏ đi."),
    (r"The item is nested too deeply: .*", "Mục lồng nhau quá sâu: nhiều nhất vài trăm tầng."),
    (r"The item is not valid UTF-8: .*", "Mục không phải UTF-8: hãy gửi JSON mã hóa UTF-8."),
    (r"This id of this source is already stored \(position (\d+)\) with another \w+\..*", "Mã này của nguồn này đã có ở vị trí {0} với nội dung hoặc thời điểm khác. Sự kiện không đổi được: gửi điều mới dưới mã mới."),
    (r"This id of this source is stored twice: at position (\d+) .* at position (\d+) .*", "Mã này của nguồn này có ở hai vị trí {0} và {1}. Cả hai vẫn trong nhật ký; hãy sửa nơi gửi rồi bỏ mục này."),
    (r"This event gives no time and was sent again .*\(position (\d+)\).*\(position (\d+)\).*", "Sự kiện không có time và được gửi lại sau khi bản đầu đã niêm, nên có ở hai vị trí {0} và {1}. Hãy ghi time."),
)  # fmt: skip
_KNOWN = tuple((re.compile(pattern, re.DOTALL), words) for pattern, words in _SAID)
_WITHIN = re.compile(r"(.*), in `data` of type (\S+)\.", re.DOTALL)


def reason_words(reason: str) -> str:
    """The reason in the reader's language, as far as we know it. The result is text like what it was made from: escape it."""
    if language().startswith("en"):
        return reason
    within = _WITHIN.fullmatch(reason)
    if within:
        return f"{reason_words(within[1])} (trong data của loại {within[2]})"
    for pattern, words in _KNOWN:
        if found := pattern.fullmatch(reason):
            return words.format(*found.groups())
    return reason
