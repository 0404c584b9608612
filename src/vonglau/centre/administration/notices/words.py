"""What went wrong with a send, in the reader's language. Channels say it in English, for logs and programmes."""

import re

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

WORDS: tuple[tuple[re.Pattern[str], Promise], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"It answered 410 Gone", gettext_lazy("Bên nhận trả lời 410: không muốn nhận nữa. Webhook đã dừng.")),
        (
            r"It answered (?P<status>3\d\d): redirects",
            gettext_lazy("Bên nhận chuyển hướng (%(status)s). Không đi theo; hãy đăng ký địa chỉ mới."),
        ),
        (
            r"It answered (?P<status>\d+)(?:: (?P<said>.*))?$",
            gettext_lazy("Bên nhận trả lời %(status)s: %(said)s"),
        ),
        (
            r"(?P<host>\S+) did not answer within (?P<s>[\d.]+) s",
            gettext_lazy("%(host)s không trả lời trong %(s)s giây."),
        ),
        (
            r"(?P<host>\S+) did not finish its answer within (?P<s>[\d.]+) s",
            gettext_lazy("%(host)s trả lời quá chậm, bị ngắt sau %(s)s giây."),
        ),
        (
            r"(?P<host>\S+) is (?P<address>\S+), which is no public address",
            gettext_lazy(
                "%(host)s là %(address)s, không phải địa chỉ công cộng. Máy của thành phố thì thêm vào VONGLAU_PRIVATE_HOSTS."
            ),
        ),
        (
            r"(?P<host>\S+) is called over https only",
            gettext_lazy("%(host)s chỉ được gọi qua https; http dành cho máy có tên trong VONGLAU_PRIVATE_HOSTS."),
        ),
        (r"The name (?P<host>\S+) cannot be resolved", gettext_lazy("Không tìm thấy máy tên %(host)s (DNS).")),
        (r"The name (?P<host>\S+) has no address", gettext_lazy("Không tìm thấy máy tên %(host)s (DNS).")),
        (
            r"The certificate of (?P<host>\S+) is not valid: (?P<said>.*)",
            gettext_lazy("Chứng thư của %(host)s không hợp lệ: %(said)s"),
        ),
        (
            r"The mail server refused the address: (?P<said>.*)",
            gettext_lazy("Máy chủ thư từ chối địa chỉ này: %(said)s"),
        ),
        (
            r"The push service answered (?P<status>\d+): (?P<said>.*)",
            gettext_lazy("Dịch vụ push trả lời %(status)s: %(said)s"),
        ),
        (r"The subscription ended", gettext_lazy("Trình duyệt đã thôi nhận; thiết bị được gỡ.")),
        (r"The device was removed", gettext_lazy("Thiết bị đã được gỡ.")),
        (r"They are not to be told any more", gettext_lazy("Không còn ai nhận: họ đã thôi, hoặc chưa đồng ý.")),
        (r"The webhook was removed", gettext_lazy("Webhook đã được gỡ.")),
        (
            r"The sender ended before it knew",
            gettext_lazy("Tiến trình gửi dừng trước khi biết đã đến hay chưa; được gửi lại dưới cùng một mã."),
        ),
        (r"Its time ran out before", gettext_lazy("Hết hạn trước khi gửi được.")),
        (
            r"(?P<host>[^\s:]+): ConnectionRefusedError",
            gettext_lazy("%(host)s từ chối kết nối: máy chạy nhưng không ai nghe ở cổng này."),
        ),
        (r"ConnectionRefusedError", gettext_lazy("Máy chủ thư từ chối kết nối: kiểm tra VONGLAU_SMTP.")),
    )
)


def error_words(said: str) -> str:
    """The message in the reader's language; as it is when we do not know it."""
    for pattern, words in WORDS:
        found = pattern.match(said)
        if found:
            filled = {name: value or gettext("(không nói gì)") for name, value in found.groupdict().items()}
            return str(words) % filled if filled else str(words)
    return said
