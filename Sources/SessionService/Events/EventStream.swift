public import Foundations
public import SessionEngine
public import SessionStorage

/// A receiver of security events, as the operator has described it (docs/events.md).
public struct EventStream: Sendable, Redacted {
    /// Its name in storage; unique within its app.
    public var name: EventStreamName
    /// The app whose events it has.
    public var app: AppID
    /// How it gets them.
    public var method: DeliveryMethod
    /// Who sends its tokens to whom.
    public var parties: EventToken.Parties
    /// The types of events that it has.
    public var kinds: Set<SecurityEvent.Kind>
    /// Where its tokens are posted; `nil` where it asks.
    public var address: String?
    /// A secret: the `Authorization` field that is sent, or, of a stream that asks, the bearer token that it shows.
    public var authorization: String?

    public init(
        name: EventStreamName, app: AppID = .public, method: DeliveryMethod, parties: EventToken.Parties,
        kinds: Set<SecurityEvent.Kind> = Set(SecurityEvent.Kind.allCases), address: String? = nil,
        authorization: String? = nil
    ) {
        (self.name, self.app, self.method, self.parties) = (name, app, method, parties)
        (self.kinds, self.address, self.authorization) = (kinds, address, authorization)
    }

    /// The name alone: the address and the header may hold secrets.
    public var description: String { "EventStream(\(label))" }

    /// How it is named in logs: its name, with the app where that is not the public one.
    public var label: String { app == .public ? name.rawValue : "\(app.rawValue)/\(name.rawValue)" }

    /// What an entry of the audit log is for it; `nil` where it is no news.
    func event(_ entry: AuditEvent) -> SecurityEvent? {
        guard let event = SecurityEvent(entry), kinds.contains(event.kind), method.carries(event.kind) else {
            return nil
        }
        return event
    }

    /// What identifies an event in it.
    func id(of pending: PendingEvent) -> SecurityEventID {
        SecurityEventID(of: pending.event, pending.sequence, for: name.rawValue, in: app)
    }
}

/// Posts tokens to receivers.
public protocol EventSender: Sendable {
    /// Posts one, once, and follows no redirect.
    ///
    /// - Parameters:
    ///   - token: a Security Event Token, or a logout token for a stream of that method.
    ///   - stream: the receiver.
    func send(_ token: String, to stream: EventStream) async -> PushReply
}
