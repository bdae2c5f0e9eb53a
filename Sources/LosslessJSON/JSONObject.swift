/// The members of a JSON object, in the order in which they were written.
public struct JSONObject: Sendable, Hashable {
    /// One name with its value.
    public struct Member: Sendable, Hashable {
        /// The member's name, unescaped.
        public var name: String
        /// The member's value.
        public var value: JSONValue

        /// Makes a member.
        public init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }

        /// The same name, byte by byte, with an equal value.
        public static func == (left: Member, right: Member) -> Bool {
            left.name.isSameText(as: right.name) && left.value == right.value
        }
    }

    /// The members in order; no two have the same name.
    public private(set) var members: [Member]

    /// Makes an object from members whose names differ; of two with the same name the later value wins.
    public init(_ members: some Sequence<Member> = []) {
        self.members = []
        for member in members { self[member.name] = member.value }
    }

    /// Trusts the parser, which has refused duplicate names already.
    package init(uniqueMembers members: [Member]) {
        self.members = members
    }

    /// The number of members.
    public var count: Int { members.count }

    /// Whether there are no members.
    public var isEmpty: Bool { members.isEmpty }

    /// The names in order.
    public var names: [String] { members.map(\.name) }

    /// The value of a name; setting `nil` removes the member, setting a new name appends it.
    public subscript(name: String) -> JSONValue? {
        get { members.first { $0.name.isSameText(as: name) }?.value }
        set {
            let index = members.firstIndex { $0.name.isSameText(as: name) }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(name: name, value: value))
            case (nil, nil): break
            }
        }
    }

    /// Appends a member whose name is known to be new.
    public mutating func append(_ name: String, _ value: JSONValue) {
        members.append(Member(name: name, value: value))
    }

    /// Whether both objects have the same names with values of the same meaning, in any order.
    public func means(_ other: JSONObject) -> Bool {
        guard members.count == other.members.count else { return false }
        let sameOrder = zip(members, other.members)
        if sameOrder.allSatisfy({ $0.name.isSameText(as: $1.name) && $0.value.means($1.value) }) { return true }
        let theirs = Dictionary(other.members.map { (Array($0.name.utf8), $0.value) }) { first, _ in first }
        return members.allSatisfy { member in theirs[Array(member.name.utf8)].map(member.value.means) ?? false }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// An object from literal members.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements.map { Member(name: $0.0, value: $0.1) })
    }
}
