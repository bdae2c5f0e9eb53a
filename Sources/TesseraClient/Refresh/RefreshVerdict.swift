import HTTPTypes
import LosslessJSON

/// What an answer to a refresh means.
///
/// Only ``ended(_:)`` ends a session.
enum RefreshVerdict: Equatable, Sendable {
    /// New tokens.
    case refreshed(refresh: Secret, access: Secret, front: String)
    /// The session server says that the session has ended.
    case ended(SignOutReason)
    /// Another attempt may go well.
    case transient(String, retryAfter: Duration?)
    /// A 401 without a verdict: something before the session server.
    case gateway
    /// The server does not know when the proof of the key was made: once more, with this in it (RFC 9449 section 8).
    case needsNonce(String)
    /// Another attempt would end the same way.
    case fault(ClientError)
}

/// The table of what answers mean, as data (docs/client.md has it as a page).
enum RefreshTable {
    /// What a status means by itself.
    enum Meaning: Equatable, Sendable {
        case success, unauthorised, transient, fault, redirect
    }

    /// The statuses that are an exception to the rule of their class.
    ///
    /// A status of no class is a fault.
    static let exceptions: [Int: Meaning] = [
        200: .success, 401: .unauthorised, 407: .transient, 408: .transient, 421: .transient, 425: .transient,
        429: .transient,
    ]

    /// The meaning of each status.
    static func meaning(of status: Int) -> Meaning {
        if let exception = exceptions[status] { return exception }
        switch status {
        case 300..<400: return .redirect
        case 500..<600: return .transient
        default: return .fault
        }
    }

    /// What a failure of the transport means.
    static func verdict(on failure: TransportFailure) -> RefreshVerdict {
        switch failure.kind {
        // A refresh of its own task is only cancelled with its client.
        case .transient, .cancelled: .transient(failure.reason, retryAfter: nil)
        case .insecure: .fault(.insecure(failure.reason))
        case .invalid: .fault(.misconfigured(failure.reason))
        }
    }

    /// What a response means.
    ///
    /// - Parameters:
    ///   - head: its status and fields.
    ///   - body: the beginning of its body, enough for the message of a verdict.
    static func verdict(on head: HTTPResponse, body: [UInt8]) -> RefreshVerdict {
        let fields = SessionFields(head.headerFields)
        switch meaning(of: head.status.code) {
        case .success: return tokens(fields)
        case .unauthorised: return unauthorised(fields, body)
        case .transient:
            return .transient("status \(head.status.code)", retryAfter: RetryAfter.duration(head.headerFields))
        case .redirect:
            return .fault(
                .misconfigured("the server redirects a refresh; a refresh token is sent to the configured origin only"))
        case .fault where head.status.kind == .successful:
            return .fault(.misconfigured("the server answers a refresh with status \(head.status.code) instead of 200"))
        case .fault:
            let nonce = ProofDemand.nonce(ofRefusal: head, body: body)
            return nonce.map { .needsNonce($0) } ?? .fault(.refused(status: head.status.code))
        }
    }

    private static func tokens(_ fields: SessionFields) -> RefreshVerdict {
        if fields.isEnd { return .ended(.ended) }
        guard let refresh = fields.refresh, let access = fields.access, let front = fields.front else {
            let missing = [
                fields.front == nil ? "front-token" : nil, fields.access == nil ? "st-access-token" : nil,
                fields.refresh == nil ? "st-refresh-token" : nil,
            ].compactMap(\.self).joined(separator: ", ")
            return .fault(.misconfigured("a refresh was answered without \(missing); does a proxy drop these fields?"))
        }
        guard FrontToken(front) != nil else {
            return .fault(.misconfigured("a refresh was answered with a front-token that cannot be read"))
        }
        return .refreshed(refresh: refresh, access: access, front: front)
    }

    private static func unauthorised(_ fields: SessionFields, _ body: [UInt8]) -> RefreshVerdict {
        let message = (try? JSONValue(parsing: body).object)?["message"]?.string
        if message == "token theft detected" { return .ended(.theft) }
        return fields.isEnd || message == "unauthorised" ? .ended(.ended) : .gateway
    }
}
