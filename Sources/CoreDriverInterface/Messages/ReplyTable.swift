package import LosslessJSON

/// What an operation answers; every member may be missing, because versions differ.
package protocol ReplyMessage: Sendable {
    init()
}

/// A member of a reply: its name on the wire, its type, and the property of the message that holds it.
package struct ReplyMember<Message: ReplyMessage>: Sendable {
    let outline: ReplyOutline
    /// Writes the member, given which members of the whole reply are hidden and where those within this one begin.
    let write: @Sendable (Message, [Bool], Int) -> JSONValue?
    let read: @Sendable (inout Message, JSONValue) -> Void
    /// The number of members that begin here: this one and those within it.
    let size: Int

    private init<Value: WireValue>(
        _ name: String, _ isAlways: Bool, _ path: any WritableKeyPath<Message, Value?> & Sendable
    ) {
        outline = ReplyOutline(name: name, content: .value(Value.wireType), isAlways: isAlways)
        let value = Self.reader(path)
        write = { message, _, _ in value(message)?.wire }
        read = { message, value in message[keyPath: path] = Value.parse(.member(value)) }
        size = 1
    }

    private init<Part: ReplyMessage>(
        _ name: String, _ isAlways: Bool, _ path: any WritableKeyPath<Message, Part?> & Sendable,
        _ members: [ReplyMember<Part>]
    ) {
        outline = ReplyOutline(name: name, content: .members(members.map(\.outline)), isAlways: isAlways)
        let part = Self.reader(path)
        write = { message, hidden, start in part(message).map { .object(members.encode($0, hidden, from: start)) } }
        read = { message, value in message[keyPath: path] = value.object.map(members.decode) }
        size = 1 + members.reduce(0) { $0 + $1.size }
    }

    /// Reads a property: by its place in the message, since a key path copies all of the message for each.
    private static func reader<Value>(
        _ path: any WritableKeyPath<Message, Value> & Sendable
    ) -> @Sendable (Message) -> Value {
        guard let offset = MemoryLayout<Message>.offset(of: path) else { return { $0[keyPath: path] } }
        return { message in
            withUnsafePointer(to: message) { start in
                UnsafeRawPointer(start).advanced(by: offset).assumingMemoryBound(to: Value.self).pointee
            }
        }
    }

    /// How the operation went.
    static func status(_ status: String) -> ReplyMember {
        ReplyMember(status: status)
    }

    private init(status: String) {
        outline = ReplyOutline(name: "status", content: .status(status), isAlways: true)
        write = { _, _, _ in .string(status) }
        read = { _, _ in }
        size = 1
    }

    /// A member of each reply that has what is around it.
    static func always<Value: WireValue>(
        _ name: String, _ path: any WritableKeyPath<Message, Value?> & Sendable
    ) -> ReplyMember {
        ReplyMember(name, true, path)
    }

    /// A member that some replies have.
    static func sometimes<Value: WireValue>(
        _ name: String, _ path: any WritableKeyPath<Message, Value?> & Sendable
    ) -> ReplyMember {
        ReplyMember(name, false, path)
    }

    /// The same for a member with members of its own.
    static func always<Part: ReplyMessage>(
        _ name: String, _ path: any WritableKeyPath<Message, Part?> & Sendable, _ members: [ReplyMember<Part>]
    ) -> ReplyMember {
        ReplyMember(name, true, path, members)
    }

    /// The same for a member with members of its own.
    static func sometimes<Part: ReplyMessage>(
        _ name: String, _ path: any WritableKeyPath<Message, Part?> & Sendable, _ members: [ReplyMember<Part>]
    ) -> ReplyMember {
        ReplyMember(name, false, path, members)
    }
}

/// A member of any reply, without the message.
package struct ReplyOutline: Sendable {
    enum Content: Sendable {
        case status(String)
        case value(WireType)
        case members([ReplyOutline])
    }

    let name: String
    let content: Content
    let isAlways: Bool

    /// The paths of the member and of those within it, such as `session.handle`, in the order of the wire.
    func paths(under prefix: String = "") -> [String] {
        guard case .members(let members) = content else { return [prefix + name] }
        return [prefix + name] + members.flatMap { $0.paths(under: "\(prefix)\(name).") }
    }
}

/// One of the ways in which an operation ends well or is refused with status 200, whatever its message is.
package protocol ReplyContract: AnyObject, Sendable {
    /// The shape whose versioned members the reply has; `nil` where all versions answer the same.
    var shape: ReplyShape? { get }
    /// The members in the order of the wire.
    var outline: [ReplyOutline] { get }
    /// The paths of all members.
    var paths: [String] { get }
}

/// A reply: its members in the order of the wire, each written once.
///
/// The server writes replies by it, the driver reads them by it, and the description is printed from it.
package final class ReplyTable<Message: ReplyMessage>: ReplyContract {
    package let shape: ReplyShape?
    private let members: [ReplyMember<Message>]
    package let paths: [String]

    init(_ shape: ReplyShape? = nil, _ members: [ReplyMember<Message>]) {
        self.shape = shape
        self.members = members
        paths = members.flatMap { $0.outline.paths() }
    }

    package var outline: [ReplyOutline] { members.map(\.outline) }

    /// The members that a version knows, as JSON.
    package func encode(_ message: Message, _ dialect: Dialect) -> JSONObject {
        members.encode(message, dialect.hiddenMembers(of: self), from: 0)
    }

    /// The members of a reply that every version answers alike.
    package func encode(_ message: Message) -> JSONObject { members.encode(message, [], from: 0) }

    /// Reads what is there and of the right type.
    package func decode(_ object: JSONObject) -> Message { members.decode(object) }
}

extension Array {
    /// The members of a message; where none is hidden, `hidden` is empty.
    fileprivate func encode<Message>(_ message: Message, _ hidden: [Bool], from start: Int) -> JSONObject
    where Element == ReplyMember<Message> {
        var object = JSONObject()
        object.reserveCapacity(count)
        var index = start
        for member in self {
            if hidden.isEmpty || !hidden[index], let value = member.write(message, hidden, index + 1) {
                object.append(member.outline.name, value)
            }
            index += member.size
        }
        return object
    }

    fileprivate func decode<Message>(_ object: JSONObject) -> Message where Element == ReplyMember<Message> {
        var message = Message()
        for member in self {
            if let value = object[member.outline.name] { member.read(&message, value) }
        }
        return message
    }
}
