import LosslessJSON

/// Whether a request has to have a field, in some versions only or in all.
package enum FieldNeed: Sendable {
    /// Every version refuses a request without it.
    case required
    /// No version asks for it.
    case optional
    /// As the spans say; a version in none of them does not read it.
    case versioned([FieldSpan])
}

/// The versions that read a field in one way.
package struct FieldSpan: Sendable {
    let presence: Catalogue.Presence
    let availability: Availability
    /// Why it came or changed.
    let reason: String

    static func required(from introduced: CDIVersion, until obsoleted: CDIVersion? = nil, _ reason: String) -> FieldSpan
    {
        FieldSpan(
            presence: .required, availability: Availability(introduced: introduced, obsoleted: obsoleted),
            reason: reason)
    }

    static func optional(from introduced: CDIVersion, until obsoleted: CDIVersion? = nil, _ reason: String) -> FieldSpan
    {
        FieldSpan(
            presence: .optional, availability: Availability(introduced: introduced, obsoleted: obsoleted),
            reason: reason)
    }
}

/// A field of a request: its name on the wire, its type, and the property of the message that holds it.
package struct RequestField<Message: RequestMessage>: Sendable {
    typealias Path<Value> = WritableKeyPath<Message, Value> & Sendable

    /// The name on the wire.
    package let name: String
    let type: WireType
    let need: FieldNeed
    let path: any PartialKeyPath<Message> & Sendable
    let read: @Sendable (inout Message, FieldValue) throws(InvalidRequest) -> Void
    let write: @Sendable (Message) -> JSONValue?

    /// A field that has to be there.
    init<Value: WireValue>(
        _ name: String, required path: any Path<Value>,
        _ parse: @escaping @Sendable (FieldValue) throws(InvalidRequest) -> Value
    ) {
        self.name = name
        self.path = path
        (type, need) = (Value.wireType, .required)
        read = { (message, value) throws(InvalidRequest) in message[keyPath: path] = try parse(value) }
        write = { $0[keyPath: path].wire }
    }

    /// A field that may be left out, at least in some versions.
    init<Value: WireValue>(
        _ name: String, _ need: FieldNeed, _ path: any Path<Value?>,
        _ parse: @escaping @Sendable (FieldValue) throws(InvalidRequest) -> Value
    ) {
        self.name = name
        self.path = path
        (type, self.need) = (Value.wireType, need)
        read = { (message, value) throws(InvalidRequest) in message[keyPath: path] = try parse(value) }
        write = { $0[keyPath: path]?.wire }
    }
}
