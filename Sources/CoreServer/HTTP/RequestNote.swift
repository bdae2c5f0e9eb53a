import CoreDriverInterface
import Foundations
import Logging
import SessionEngine
import SessionService

/// What names a request in the logs of all who had to do with it.
enum RequestID {
    /// The longest that is taken from a caller.
    private static let longest = 128

    /// The ID that a caller has for its request: one field of 1 to 128 letters, digits and `-._~:+/=@`.
    ///
    /// Anything else is not repeated anywhere: it would be a stranger's text in the log and in a header.
    static func given(in fields: RequestHead.Fields) -> String? {
        guard fields.requestIDs.count == 1, let id = fields.requestIDs.first, isGood(id) else { return nil }
        return id
    }

    private static func isGood(_ id: String) -> Bool {
        (1...longest).contains(id.utf8.count) && id.utf8.allSatisfy { isAllowed[Int($0)] }
    }

    private static let isAllowed: [Bool] = {
        let letters = "abcdefghijklmnopqrstuvwxyz"
        let allowed = Set((letters + letters.uppercased() + "0123456789-._~:+/=@").utf8)
        return (0...255).map { allowed.contains($0) }
    }()

    /// A new ID.
    static func make() -> String {
        var random = ClockAndRandomness.system.random
        return RandomText.uuid(using: &random)
    }
}

/// What is kept of a request until its line can be written; there is none unless details are logged.
struct RequestNote {
    let id: String
    let method: String
    /// Without the query, which may identify a user.
    let path: String
    let version: String?
    let peer: String?
    let begun: MonotonicTime

    /// Writes the line of a request that was answered, or whose client has gone before.
    ///
    /// - Parameters:
    ///   - status: the status of the reply; `nil` where there was none.
    ///   - admitted: what was asked, where that is known.
    ///   - logger: where the line goes.
    func log(status: Int?, _ admitted: CoreAPI.Admitted?, to logger: Logger) {
        var details: Logger.Metadata = [
            "requestId": "\(id)", "status": status.map { .stringConvertible($0) } ?? "none",
            "durationMs": .stringConvertible((MonotonicTime.present - begun).inMilliseconds),
            "peer": "\(peer ?? "unknown")",
        ]
        switch admitted?.work {
        case .oauth(let question)?: details["operation"] = "\(question.operation)"
        case .poll(let stream)?:
            details["operation"] = "pollEvents"
            details["stream"] = "\(stream.label)"
        case .health?, .edge?: details["operation"] = "\(OperationLabel(admitted?.work).label)"
        case .operation(let call, _)?:
            details["operation"] = "\(call.operation.rawValue)"
            details["app"] = "\(call.app.rawValue)"
            details["tenant"] = "\(call.tenant.rawValue)"
        case nil: details["operation"] = "none"
        }
        let version = version.map { ". Version: \($0.prefix(20))" } ?? ""
        logger.debug("API called: \(path.prefix(200)). Method: \(method)\(version)", metadata: details)
    }
}
