import LosslessJSON

/// What a receiver asks for (RFC 8936 section 2.2).
public struct PollRequest: Sendable, Equatable {
    /// How many events at most, 0 to ``most``.
    public var maxEvents = Self.most
    /// Whether to answer at once where there are none.
    public var returnsImmediately = false
    /// The `jti` of events that the receiver has.
    public var acknowledged: Set<String> = []
    /// The `jti` of events that it will not take, with its error code.
    public var refused: [String: String] = [:]

    /// The most events of an answer.
    public static let most = 100

    /// Why a request is refused, in the words of RFC 8936 section 2.6.
    public struct Refusal: Error, Sendable, Equatable {
        /// What is wrong, for the developer of the receiver.
        public let description: String
        /// The error code.
        public static let code = "invalid_request"
    }

    /// A request for all that there is.
    public init() {}

    /// Reads the body of a request; members that are unknown are passed over.
    ///
    /// - Throws: ``Refusal`` for what is no request.
    public init(_ body: [UInt8]) throws(Refusal) {
        guard let object = (try? JSONValue(parsing: body))?.object else {
            throw Refusal(description: "the body has to be a JSON object")
        }
        if let value = object["maxEvents"] {
            guard let number = value.number?.int64, number >= 0 else {
                throw Refusal(description: "'maxEvents' has to be 0 or a positive integer")
            }
            maxEvents = Int(min(number, Int64(Self.most)))
        }
        if let value = object["returnImmediately"] {
            guard let flag = value.bool else {
                throw Refusal(description: "'returnImmediately' has to be true or false")
            }
            returnsImmediately = flag
        }
        if let value = object["ack"] {
            let ids = value.array?.map(\.string)
            guard let ids, !ids.contains(nil) else { throw Refusal(description: "'ack' has to be an array of texts") }
            acknowledged = Set(ids.compactMap(\.self))
        }
        if let value = object["setErrs"] { refused = try Self.errors(value) }
    }

    private static func errors(_ value: JSONValue) throws(Refusal) -> [String: String] {
        guard let object = value.object else { throw Refusal(description: "'setErrs' has to be an object") }
        var errors: [String: String] = [:]
        for member in object.members {
            guard let code = member.value.object?["err"]?.string else {
                throw Refusal(description: "a member of 'setErrs' has to be an object with 'err'")
            }
            errors[member.name] = ErrorCode.safe(code)
        }
        return errors
    }
}

/// One answer to a receiver that asks: the events of a stream are shown to it, the oldest first.
public struct PollRound: Sendable {
    /// What becomes of an event.
    public enum Judgement: Sendable, Equatable {
        /// The receiver has it.
        case acknowledged
        /// The receiver does not take it, with its error code.
        case refused(String)
        /// It is part of the answer.
        case sent
        /// It is for another answer.
        case held
    }

    private let request: PollRequest
    private var order = EventOrder()
    private var unseen: Set<String>
    private var sentCount = 0
    /// Whether there is an event for another answer.
    public private(set) var hasMore = false

    public init(_ request: PollRequest) {
        self.request = request
        unseen = request.acknowledged.union(request.refused.keys)
    }

    /// Whether events that come now change nothing any more.
    public var isComplete: Bool {
        sentCount >= request.maxEvents && unseen.isEmpty && hasMore
    }

    /// Judges an event.
    ///
    /// - Parameters:
    ///   - event: the entry of the audit log.
    ///   - id: its `jti`.
    public mutating func judge(_ event: AuditEvent, _ id: String) -> Judgement {
        unseen.remove(id)
        if let code = request.refused[id] { return .refused(code) }
        if request.acknowledged.contains(id) { return .acknowledged }
        let isFree = order.admits(event, isDue: true)
        guard isFree, sentCount < request.maxEvents else {
            hasMore = true
            return .held
        }
        sentCount += 1
        return .sent
    }
}
