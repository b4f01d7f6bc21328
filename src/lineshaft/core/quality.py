"""Quality of a value: the exact 32-bit OPC UA StatusCode (IEC 62541-4 7.39), its severity and its words.

Bits 31–30 severity, 27–16 what happened, 15 structure changed, 14 semantics changed, 11–10 info type; with info type
"data value" also 9–8 limit and 7 overflow. Two codes that differ only in the low half say the same thing with other
remarks: `code(q)` strips the remarks, `severity(q)` needs only the top.
"""

import re
from typing import Any, Final, Literal

GOOD: Final = 0x00000000
UNCERTAIN: Final = 0x40000000
BAD: Final = 0x80000000

GOOD_OVERFLOW: Final = 0x00000480
"""Info type "data value" with the overflow bit: samples between the last one and this were lost at the server."""
OVERFLOW_BITS: Final = 0x00000480

UNCERTAIN_NO_COMMUNICATION_LAST_USABLE: Final = 0x408F0000
"""The connection is lost; the value is the last good one."""
BAD_NO_COMMUNICATION: Final = 0x80310000
"""The connection is lost and there never was a good value."""
BAD_DECODING: Final = 0x80070000
BAD_OUT_OF_RANGE: Final = 0x803C0000
BAD_TYPE_MISMATCH: Final = 0x80740000
BAD_NOT_SUPPORTED: Final = 0x803D0000
BAD_NODE_ID_UNKNOWN: Final = 0x80340000
BAD_USER_ACCESS_DENIED: Final = 0x801F0000
BAD_NOT_FOUND: Final = 0x803E0000
BAD_UNEXPECTED_ERROR: Final = 0x80010000
BAD_NOT_CONNECTED: Final = 0x808A0000
BAD_NOT_WRITABLE: Final = 0x803B0000
UNCERTAIN_LAST_USABLE: Final = 0x40900000
BAD_RESOURCE_UNAVAILABLE: Final = 0x80040000
BAD_NO_DATA: Final = 0x809B0000
BAD_DEVICE_FAILURE: Final = 0x808B0000
BAD_NOT_READABLE: Final = 0x803A0000
BAD_TIMEOUT: Final = 0x800A0000
BAD_COMMUNICATION_ERROR: Final = 0x80050000

Severity = Literal["good", "uncertain", "bad"]
_SEVERITIES: Final[tuple[Severity, ...]] = ("good", "uncertain", "bad", "bad")  # 0b11 is reserved: trust nothing
_CODE_MASK: Final = 0xFFFF0000
_LIMITS: Final = {1: "low", 2: "high", 3: "constant"}


def severity(q: int) -> Severity:
    """`good`, `uncertain` or `bad`, from the top two bits."""
    return _SEVERITIES[q >> 30 & 3]


def code(q: int) -> int:
    """The code without its remarks."""
    return q & _CODE_MASK


def has_overflow(q: int) -> bool:
    """Whether the server says that samples before this one were lost."""
    return q & OVERFLOW_BITS == OVERFLOW_BITS


def is_good(q: Any) -> Any:
    """Elementwise on an unsigned integer array: good."""
    return q < UNCERTAIN


def is_bad(q: Any) -> Any:
    """Elementwise on an unsigned integer array: bad."""
    return q >= BAD


def overflowed(q: Any) -> Any:
    """Elementwise on an unsigned integer array: the overflow remark."""
    return q & OVERFLOW_BITS == OVERFLOW_BITS


def name(q: int) -> str:
    """The standard's symbol such as `BadNoCommunication`; `Bad_0x80AB0000` for a code without a value's meaning."""
    entry = _NAMES.get(code(q))
    return entry[0] if entry else f"{severity(q).capitalize()}_0x{code(q):08X}"


def words(q: int, language: str = "en") -> str:
    """A short phrase for people, remarks included: `bad: no communication`, `良好（溢出）`."""
    zh = language == "zh"
    entry = _NAMES.get(code(q))
    if entry is None:
        phrase = f"{_SEVERITY_WORDS[severity(q)][zh]}{'：' if zh else ': '}0x{code(q):08X}"
    else:
        phrase = entry[1] if zh else _english(entry[0])
    remarks = _remarks(q, zh=zh)
    if not remarks:
        return phrase
    return f"{phrase}（{'、'.join(remarks)}）" if zh else f"{phrase} ({', '.join(remarks)})"


def _english(symbol: str) -> str:
    """`UncertainLastUsableValue` → `uncertain: last usable value`."""
    first, *rest = re.findall(r"[A-Z][a-z]*", symbol)
    return f"{first.lower()}: {' '.join(rest).lower()}" if rest else str(first).lower()


def _remarks(q: int, *, zh: bool) -> list[str]:
    remarks = []
    if q & 0x8000:
        remarks.append("结构已变" if zh else "structure changed")
    if q & 0x4000:
        remarks.append("语义已变" if zh else "semantics changed")
    if q >> 10 & 3 == 1:
        limit = _LIMITS.get(q >> 8 & 3)
        if limit is not None:
            remarks.append({"low": "下限", "high": "上限", "constant": "恒定"}[limit] if zh else f"limit {limit}")
        if q & 0x80:
            remarks.append("溢出" if zh else "overflow")
    return remarks


_SEVERITY_WORDS: Final[dict[str, tuple[str, str]]] = {
    "good": ("good", "良好"), "uncertain": ("uncertain", "不确定"), "bad": ("bad", "坏"),
}  # fmt: skip

# The codes that qualify a value, by number: the standard's symbol and the Chinese phrase. Codes of calls, security and
# conditions never stand beside a value; should one arrive it is kept exactly and shown as its number.
_NAMES: Final[dict[int, tuple[str, str]]] = {
    0x00000000: ("Good", "良好"),
    0x002D0000: ("GoodSubscriptionTransferred", "良好：订阅已转移"),
    0x002F0000: ("GoodOverload", "良好：负载过高，采样变慢"),
    0x00300000: ("GoodClamped", "良好：已限幅"),
    0x00960000: ("GoodLocalOverride", "良好：就地超驰"),
    0x00A20000: ("GoodEntryInserted", "良好：补录"),
    0x00A30000: ("GoodEntryReplaced", "良好：已替换"),
    0x00A50000: ("GoodNoData", "良好：无数据"),
    0x00A60000: ("GoodMoreData", "良好：还有数据"),
    0x00DC0000: ("GoodEdited", "良好：人工修改"),
    0x00E00000: ("GoodDependentValueChanged", "良好：相关值已变"),
    0x00EB0000: ("GoodSubNormal", "良好：数据源不足"),
    0x04010000: ("GoodCascadeInitializationAcknowledged", "良好：串级初始化已确认"),
    0x04020000: ("GoodCascadeInitializationRequest", "良好：请求串级初始化"),
    0x04030000: ("GoodCascadeNotInvited", "良好：串级未受邀"),
    0x04040000: ("GoodCascadeNotSelected", "良好：串级未选中"),
    0x04070000: ("GoodFaultStateActive", "良好：故障状态激活"),
    0x04080000: ("GoodInitiateFaultState", "良好：启动故障状态"),
    0x04090000: ("GoodCascade", "良好：串级"),
    0x40000000: ("Uncertain", "不确定"),
    0x408F0000: ("UncertainNoCommunicationLastUsableValue", "不确定：通信中断，最后可用值"),
    0x40900000: ("UncertainLastUsableValue", "不确定：最后可用值"),
    0x40910000: ("UncertainSubstituteValue", "不确定：替代值"),
    0x40920000: ("UncertainInitialValue", "不确定：初始值"),
    0x40930000: ("UncertainSensorNotAccurate", "不确定：传感器不准确"),
    0x40940000: ("UncertainEngineeringUnitsExceeded", "不确定：超出工程量程"),
    0x40950000: ("UncertainSubNormal", "不确定：数据源不足"),
    0x40A40000: ("UncertainDataSubNormal", "不确定：良好数据不足"),
    0x40DE0000: ("UncertainDominantValueChanged", "不确定：主导值已变"),
    0x40E20000: ("UncertainDependentValueChanged", "不确定：相关值已变"),
    0x42080000: ("UncertainTransducerInManual", "不确定：变送器手动"),
    0x42090000: ("UncertainSimulatedValue", "不确定：仿真值"),
    0x420A0000: ("UncertainSensorCalibration", "不确定：传感器校准"),
    0x420F0000: ("UncertainConfigurationError", "不确定：组态错误"),
    0x80000000: ("Bad", "坏"),
    0x80010000: ("BadUnexpectedError", "坏：意外错误"),
    0x80020000: ("BadInternalError", "坏：内部错误"),
    0x80040000: ("BadResourceUnavailable", "坏：资源不可用"),
    0x80050000: ("BadCommunicationError", "坏：通信错误"),
    0x80070000: ("BadDecodingError", "坏：解码错误"),
    0x800A0000: ("BadTimeout", "坏：超时"),
    0x800C0000: ("BadShutdown", "坏：服务器正在停机"),
    0x800D0000: ("BadServerNotConnected", "坏：服务器未连接"),
    0x801F0000: ("BadUserAccessDenied", "坏：用户无权访问"),
    0x80230000: ("BadInvalidTimestamp", "坏：时间戳无效"),
    0x80310000: ("BadNoCommunication", "坏：无通信"),
    0x80320000: ("BadWaitingForInitialData", "坏：等待初始数据"),
    0x80330000: ("BadNodeIdInvalid", "坏：节点标识无效"),
    0x80340000: ("BadNodeIdUnknown", "坏：节点不存在"),
    0x803A0000: ("BadNotReadable", "坏：不可读"),
    0x803C0000: ("BadOutOfRange", "坏：超出范围"),
    0x803D0000: ("BadNotSupported", "坏：不支持"),
    0x803E0000: ("BadNotFound", "坏：未找到"),
    0x803F0000: ("BadObjectDeleted", "坏：对象已删除"),
    0x80740000: ("BadTypeMismatch", "坏：类型不符"),
    0x80890000: ("BadConfigurationError", "坏：组态错误"),
    0x808A0000: ("BadNotConnected", "坏：未连接"),
    0x808B0000: ("BadDeviceFailure", "坏：设备故障"),
    0x808C0000: ("BadSensorFailure", "坏：传感器故障"),
    0x808D0000: ("BadOutOfService", "坏：停用"),
    0x809B0000: ("BadNoData", "坏：无数据"),
    0x809D0000: ("BadDataLost", "坏：数据丢失"),
    0x809E0000: ("BadDataUnavailable", "坏：数据不可用"),
    0x80B10000: ("BadNoDataAvailable", "坏：无可用数据"),
    0x80E10000: ("BadDominantValueChanged", "坏：主导值已变"),
    0x80E30000: ("BadDependentValueChanged", "坏：相关值已变"),
    0x80F00000: ("BadNoValue", "坏：无值"),
    0x81120000: ("BadNumericOverflow", "坏：数值溢出"),
}


def known_codes() -> dict[int, str]:
    """Every code named here with its symbol."""
    return {number: entry[0] for number, entry in _NAMES.items()}
