"""Words for the codes of receipts, Chinese and English; a receipt itself holds numbers alone."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from chainnode.verify.strict_json import JsonObject
from contracts.schemas.codes import MEANINGS, Code

_CHINESE: Mapping[Code, str] = MappingProxyType(
    {
        Code.ACCEPTED: "已接受",
        Code.EXPIRED: "区块时间已过提交的有效期 valid_until_ms",
        Code.UNKNOWN_CONTRACT: "没有此名称和版本的合约",
        Code.UNKNOWN_KEY: "公钥未登记",
        Code.KEY_NOT_VALID: "密钥在区块时间无效",
        Code.NONCE_USED: "序号已用过，或早于该密钥的窗口",
        Code.NONCE_AHEAD: "序号超出该密钥的窗口",
        Code.UNKNOWN_ACTION: "合约没有此操作",
        Code.NOT_CANONICAL: "公开部分不是规范的 MessagePack 数组",
        Code.WRONG_FIELD_COUNT: "字段数目不对",
        Code.WRONG_TYPE: "字段类型不对",
        Code.WRONG_LENGTH: "字段过短或过长",
        Code.OUT_OF_RANGE: "整数超出范围",
        Code.ILLEGAL_TEXT: "文本含不允许的字符",
        Code.NOT_ASCENDING: "列表不是严格递增",
        Code.ILLEGAL_DATE: "不是 YYYYMMDD 的日期",
        Code.PERIOD_REVERSED: "期间的终点早于起点",
        Code.PRIVATE_PART_TOO_SHORT: "缺少此操作要求的非公开部分",
        Code.ROLE_MISSING: "密钥没有所需的角色",
        Code.FOREIGN_ORGANISATION: "发送方代表了其他机构",
        Code.MEMBERS_INVALID_KEY: "不是本链算法套件的公钥",
        Code.MEMBERS_KEY_KNOWN: "密钥已登记",
        Code.MEMBERS_ROLE_NOT_HELD: "机构没有该角色",
        Code.MEMBERS_NO_SUCH_KEY: "没有登记此密钥",
        Code.MEMBERS_END_IN_PAST: "密钥不能在过去失效：已签的仍然有效",
        Code.MEMBERS_END_NOT_EARLIER: "密钥已有失效时间，且不晚于所请求的",
        Code.MEMBERS_OWN_KEY: "成员密钥不能终止自己",
        Code.MEMBERS_KEY_OUTLIVES_SENDER: "成员密钥只能由有效期不短于它的成员密钥终止",
        Code.ACCESS_DOUBLE_RECORD: "这一方已记录过此次调用",
        Code.ACCESS_PEOPLE_DIFFER: "人数与这一方此前登记的不符",
        Code.ACCESS_PEOPLE_AFTER_HALF: "涉及人员须在这一方的调用记录之前登记",
        Code.ACCESS_PEOPLE_NOT_NEXT: "与此前登记的人员不相衔接",
        Code.ACCESS_PEOPLE_NOT_ASCENDING: "标识未按升序接在上一个之后",
        Code.ACCESS_SEAL_OF_OWN_DEPARTMENT: "不得封存本部门的调用",
        Code.ACCESS_SEAL_KNOWN: "该封存决定已登记",
        Code.ACCESS_NO_SUCH_SEAL: "没有此封存决定",
        Code.ACCESS_OUTSIDE_SEAL: "此刻不在封存期内",
        Code.ACCESS_COMMITMENT_KNOWN: "该承诺值已登记",
        Code.ACCESS_NO_SUCH_COMMITMENT: "没有此承诺值对应的封存调用",
        Code.ACCESS_COMMITMENT_DIFFERS: "与承诺值不符",
        Code.ACCESS_UNSEALED_ALREADY: "该封存调用已公开",
        Code.ACCESS_SEALED_UNTIL: "封存期满后方可由本部门公开",
        Code.CERTIFICATES_INVALID_IDENTIFIER: "证照标识不合规",
        Code.CERTIFICATES_FOREIGN_ISSUER_CODE: "标识中的机构不是发送方的机构",
        Code.CERTIFICATES_TYPE_DIFFERS: "类型与标识中的类型不同",
        Code.CERTIFICATES_IDENTIFIER_KNOWN: "标识已登记",
        Code.CERTIFICATES_FILE_KNOWN: "文件摘要已登记",
        Code.CERTIFICATES_NOT_ISSUED: "没有此标识的证照",
        Code.CERTIFICATES_ALREADY_REVOKED: "证照已撤销",
        Code.CERTIFICATES_STATE_FORBIDS: "证照的当前状态不允许此操作",
        Code.CERTIFICATES_SINCE_IN_FUTURE: "状态不能自将来开始",
        Code.CERTIFICATES_CODE_DIFFERS: "本账本代码系统中的代码应为状态的编号",
        Code.CATALOG_VERSION_NOT_NEXT: "不是该目录项的下一个版本",
        Code.CATALOG_FIELDS_CHANGED: "后续版本须按原顺序保留已有字段",
        Code.CATALOG_FIELD_TWICE: "字段重名",
        Code.CATALOG_SUPERVISOR_UNKNOWN: "监管机构不在本联盟中",
        Code.CATALOG_SUPERVISOR_IS_OWNER: "提供方不能监管自己的目录项",
        Code.CATALOG_SUPERVISOR_CHANGED: "目录项的监管机构一经指定不再更改",
        Code.CATALOG_NO_SUCH_ITEM: "目录中没有此项",
        Code.CATALOG_STATE_FORBIDS: "目录项的当前状态不允许此操作",
        Code.GRANTS_GRANT_KNOWN: "此授权编号已申请过",
        Code.GRANTS_NO_SUCH_ITEM: "目录中没有此项",
        Code.GRANTS_ITEM_WITHDRAWN: "目录项已下架",
        Code.GRANTS_ITEM_NOT_SHARED: "目录项不予共享",
        Code.GRANTS_OWN_ITEM: "提供方使用自己的目录项无需授权",
        Code.GRANTS_VERSION_DIFFERS: "目录项发布的是另一个版本",
        Code.GRANTS_UNKNOWN_FIELDS: "含有目录项没有的字段",
        Code.GRANTS_NO_SUCH_GRANT: "没有此授权",
        Code.GRANTS_STATE_FORBIDS: "授权的当前状态不允许此操作",
        Code.GRANTS_FIELDS_WIDENED: "字段超出申请范围",
        Code.GRANTS_QUOTA_WIDENED: "额度超出申请的额度（0 为不限）",
        Code.GRANTS_PERIOD_WIDENED: "截止日晚于申请的截止日（0 为无截止日）",
        Code.GRANTS_OWN_SUPERVISOR: "数据项的二级审核部门不能自己申请：那将由自己审核自己",
        Code.PSEUDONYMS_EPOCH_NOT_NEXT: "不是该机构的下一个密钥周期",
        Code.PSEUDONYMS_NO_EPOCH: "该机构没有密钥周期",
        Code.PSEUDONYMS_UNKNOWN_EPOCH: "密钥周期未开启",
        Code.PSEUDONYMS_PERIOD_NOT_NEXT: "期间未接续上一期间的终点",
        Code.PSEUDONYMS_PERIOD_IN_FUTURE: "使用期间不能在将来结束",
        Code.PSEUDONYMS_TOTAL_TOO_LARGE: "该机构的累计数会超过最大整数",
        Code.CONTENT_KEY_KNOWN: "该机构本期间已有公钥",
        Code.CONTENT_SHARED_BEFORE: "这对机构本期间的密钥已分发过",
    }
)


def words_of(code: Code, details: Sequence[int] = ()) -> JsonObject:
    """Say in both languages what a code means, with its details by name."""
    meaning = MEANINGS[code]
    named = [f"{name} {value}" for name, value in zip(meaning.details, details, strict=False)]
    return {
        "zh": "；".join([_CHINESE[code], *named]),
        "en": "; ".join([meaning.sentence, *named]),
    }
