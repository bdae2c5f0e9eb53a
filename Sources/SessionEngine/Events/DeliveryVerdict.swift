public import Foundations
import LosslessJSON

/// How events are delivered.
public enum DeliveryMethod: String, Sendable, CaseIterable {
    /// Security Event Tokens are posted to the receiver (RFC 8935).
    case push
    /// The receiver asks for Security Event Tokens (RFC 8936).
    case poll
    /// Logout tokens are posted to a relying party (OpenID Connect Back-Channel Logout 1.0).
    case backchannelLogout = "backchannel_logout"

    /// Whether the core sends, and is not asked.
    public var isSent: Bool { self != .poll }

    /// Whether a stream of this method has events of a type.
    public func carries(_ kind: SecurityEvent.Kind) -> Bool { self != .backchannelLogout || kind == .sessionRevoked }
}

/// What a receiver answered to an event.
public enum PushReply: Sendable, Equatable {
    /// It answered.
    case answered(status: Int, body: [UInt8], retryAfter: Milliseconds?)
    /// It did not, for this reason; whether it has the event is unknown.
    case failed(String)
}

/// What becomes of an event by the answer of its receiver.
public enum DeliveryVerdict: Sendable, Equatable {
    /// The receiver has it.
    case delivered
    /// The receiver will never take it.
    case refused(String)
    /// It is sent again, if the receiver said so not before that span.
    case again(String, after: Milliseconds?)

    /// Judges an answer (RFC 8935 sections 2.2 and 2.3, OpenID Connect Back-Channel Logout 1.0 section 2.8): 2xx has taken it,
    /// 400 with an error code never will, everything else may yet.
    public init(_ reply: PushReply, by method: DeliveryMethod) {
        switch reply {
        case .failed(let reason): self = .again(reason, after: nil)
        case .answered(200..<300, _, _): self = .delivered
        case .answered(400, let body, _):
            let member = method == .backchannelLogout ? "error" : "err"
            if let code = ErrorCode.read(body, member) {
                self = .refused("400 \(code)")
            } else {
                self = .again("400 without '\(member)'", after: nil)
            }
        case .answered(300..<400, _, _):
            self = .again("it answers with a redirect, and none is followed", after: nil)
        case .answered(let status, _, let span): self = .again("it answers \(status)", after: span)
        }
    }
}

/// The error codes of receivers.
enum ErrorCode {
    /// The code in a JSON object, in words that are safe to store and to print.
    ///
    /// - Returns: `nil` where the member is not there or no text.
    static func read(_ body: [UInt8], _ member: String) -> String? {
        (try? JSONValue(parsing: body))?.object?[member]?.string.map(safe)
    }

    /// A code as it may be stored: receivers choose it, and one that is no code could be anything, also a secret.
    static func safe(_ code: String) -> String {
        let isCode =
            (1...40).contains(code.utf8.count)
            && code.utf8.allSatisfy { $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        return isCode ? code : "(a code that is not shown)"
    }
}

/// How long to wait before something is tried again.
public enum BackOff {
    /// The longest wait.
    public static let longest = Milliseconds.minutes(5)

    /// One second, doubled with each failure up to ``longest``, of which up to half is taken away at random.
    ///
    /// - Parameters:
    ///   - failures: how many there were before.
    ///   - random: 64 random bits.
    public static func span(after failures: Int, random: UInt64) -> Milliseconds {
        let whole = failures >= 9 ? longest.count : min(Int64(1_000) << Int64(max(0, failures)), longest.count)
        return Milliseconds(whole - Int64(random % UInt64(whole / 2 + 1)))
    }
}

/// How quickly a stream is delivered: slowly while it is unknown whether its receiver answers, and not at all for a while when
/// it does not.
public struct StreamPace: Sendable, Equatable {
    /// How many events may be on their way at once.
    public private(set) var width = 1
    private var failures = 0
    private var rests = 0
    private var unnoted = 0

    /// The most events that are on their way at once.
    public static let widest = 8
    /// The number of failures in a row after which the stream rests.
    static let mostFailures = 3

    public init() {}

    /// Takes note of an answer.
    public mutating func note(_ verdict: DeliveryVerdict) {
        if case .again = verdict {
            failures = min(failures + 1, Self.mostFailures)
            width = 1
        } else {
            (failures, rests) = (0, 0)
            width = min(width * 2, Self.widest)
        }
    }

    /// Whether the receiver has failed too often in a row for anything more to be sent now.
    public var isExhausted: Bool { failures >= Self.mostFailures }

    /// How long nothing is sent now; `nil` where the receiver answers.
    ///
    /// After it one failure more is enough for the next rest.
    ///
    /// - Parameter random: 64 random bits.
    public mutating func rest(random: UInt64) -> Milliseconds? {
        guard isExhausted else { return nil }
        let span = BackOff.span(after: rests, random: random)
        rests = min(rests + 1, 16)
        failures = Self.mostFailures - 1
        return span
    }

    /// How long nothing is sent because what became of events could not be noted: they would only be sent again.
    ///
    /// - Parameter random: 64 random bits.
    public mutating func restUnnoted(random: UInt64) -> Milliseconds {
        let span = BackOff.span(after: unnoted, random: random)
        unnoted = min(unnoted + 1, 16)
        return span
    }

    /// Takes note that what became of events is noted.
    public mutating func noted() { unnoted = 0 }
}
