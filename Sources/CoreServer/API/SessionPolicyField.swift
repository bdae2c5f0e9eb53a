import CoreDriverInterface
import Foundations
import SessionEngine
import SessionService
import SessionStorage

/// The field `tessera-session-policy` of a new session: a dictionary of RFC 9651 of a few forms (docs/policy.md).
struct SessionPolicyField: Equatable {
    private var isRemembered = false
    private var limits = SessionLimits.none
    private var authenticatedAt: Timestamp?
    private var level: String?
    private var methods: [String] = []
    private var replaced: String?
    private(set) var isAnonymous = false

    private static let longest = 4_096

    /// Reads the field.
    ///
    /// - Parameter text: its value; `nil` where there is none.
    /// - Throws: `InvalidRequest` for what is no dictionary, and for a known member of another form.
    init?(_ text: String?) throws(InvalidRequest) {
        guard let text else { return nil }
        guard text.utf8.count <= Self.longest, let members = StructuredDictionary(text)?.members else {
            throw InvalidRequest(.policyField)
        }
        for (name, value) in members { try take(name, value) }
    }

    /// The members that mean something.
    private enum Member: String {
        case rememberMe = "remember-me"
        case authTime = "auth-time"
        case idle, absolute, acr, amr, replace, anonymous
    }

    private mutating func take(_ name: String, _ value: StructuredDictionary.Value) throws(InvalidRequest) {
        guard let member = Member(rawValue: name) else { return }
        switch (member, value) {
        case (.rememberMe, .flag(let flag)): isRemembered = flag
        case (.anonymous, .flag(let flag)): isAnonymous = flag
        case (.idle, .number(let seconds)): limits.idle = try Self.limit(name, seconds, atLeast: 120)
        case (.absolute, .number(let seconds)): limits.absolute = try Self.limit(name, seconds, atLeast: 300)
        case (.authTime, .number(let seconds)):
            authenticatedAt = Timestamp(milliseconds: Milliseconds.seconds(seconds).count)
        case (.acr, .text(let text)) where !text.isEmpty && text.utf8.count <= 64: level = text
        case (.amr, .list(let texts)) where texts.count <= 16: methods = texts
        case (.replace, .list(let handles)) where handles.count == 1: replaced = handles.first
        default: throw InvalidRequest(.policyField)
        }
    }

    /// A limit; one that is too short for a session to be used is refused.
    private static func limit(
        _ name: String, _ seconds: Int64, atLeast least: Int64
    ) throws(InvalidRequest) -> Milliseconds {
        guard seconds >= least else {
            throw InvalidRequest(
                .invalidParameter("\(name)' in 'tessera-session-policy", expected: "at least \(least) seconds"))
        }
        return .seconds(seconds)
    }

    /// Adds what was asked for to a request.
    func apply(to request: inout NewSession) {
        (request.isRemembered, request.isAnonymous) = (isRemembered, isAnonymous)
        request.limits = limits
        request.authenticatedAt = authenticatedAt
        (request.level, request.methods) = (level, methods)
        request.replacedSession = replaced.map { SessionHandle($0) }
    }
}

extension CoreReply {
    /// The user has as many sessions as allowed; the answer to a caller that has sent a policy lists them, so
    /// that one can be replaced.
    static func limitReached(
        _ limit: SessionLimit, _ handles: [SessionHandle], _ request: CoreRequest
    ) -> CoreReply {
        guard request.policy != nil else { return .plain(409, WireText.sessionLimitReached(limit.count)) }
        var message = SessionLimitReply()
        (message.limit, message.handles) = (Int64(limit.count), handles.map(\.rawValue))
        message.message = WireText.sessionLimitReached(limit.count)
        var reply = CoreReply.json(Catalogue.sessionLimitReached.encode(message))
        reply.status = 409
        return reply
    }
}

extension CoreAPI.Call {
    /// Whether a background task of a client asks, as the field `tessera-activity` says.
    ///
    /// - Throws: for another value than `background` and `foreground`.
    func isBackground() throws(InvalidRequest) -> Bool {
        switch request.activity {
        case nil, "foreground"?: return false
        case "background"?: return true
        default: throw InvalidRequest(.invalidParameter("tessera-activity", expected: "background or foreground"))
        }
    }
}
