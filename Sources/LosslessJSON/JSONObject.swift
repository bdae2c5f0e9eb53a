/// The members of a JSON object, in the order in which they were written.
public struct JSONObject: Sendable, Hashable {
    /// One name with its value.
    public struct Member: Sendable, Hashable {
        /// The member's name as it was sent.
        let exactName: JSONString
        /// The member's value.
        public var value: JSONValue

        /// The member's name, unescaped, with U+FFFD for half a surrogate pair; to copy a member, copy it whole.
        public var name: String { exactName.readable }

        public init(name: String, value: JSONValue) {
            self.init(.text(name), value)
        }

        init(_ name: JSONString, _ value: JSONValue) {
            exactName = name
            self.value = value
        }

        /// Whether this is the member of that name, byte by byte.
        package func isNamed(_ name: String) -> Bool { exactName.isSame(as: name) }

        /// The same name, byte by byte, with an equal value.
        public static func == (left: Member, right: Member) -> Bool {
            left.exactName.isWritten(like: right.exactName) && left.value == right.value
        }

        /// Hashes name and value.
        public func hash(into hasher: inout Hasher) {
            ExactName(exactName).hash(into: &hasher)
            hasher.combine(value)
        }
    }

    /// The members in order; no two have the same name.
    public private(set) var members: [Member]
    /// Where each name is, once something was set in an object of many members.
    private var places: [ExactName: Int]?

    /// Up to this many members names are found by looking at all.
    private static let fewMembers = 16

    /// Makes an object from members whose names differ; of two with the same name the later value wins.
    public init(_ members: some Sequence<Member> = []) {
        self.members = []
        self.members.reserveCapacity(members.underestimatedCount)
        for member in members { set(member.value, for: member.exactName) }
    }

    /// Trusts the caller, who knows that no name comes twice.
    package init(uniqueMembers members: [Member]) {
        self.members = members
    }

    /// Allocates storage for a number of members at once.
    package mutating func reserveCapacity(_ count: Int) { members.reserveCapacity(count) }

    /// The number of members.
    public var count: Int { members.count }

    /// Whether there are no members.
    public var isEmpty: Bool { members.isEmpty }

    /// The names in order.
    public var names: [String] { members.map(\.name) }

    /// The value of a name; setting `nil` removes the member, setting a new name appends it.
    ///
    /// To change many members, ``merging(_:)`` is quicker than one after the other.
    public subscript(name: String) -> JSONValue? {
        get {
            if let places { return places[ExactName(name)].map { members[$0].value } }
            return members.first { $0.isNamed(name) }?.value
        }
        set { set(newValue, for: .text(name)) }
    }

    private mutating func set(_ value: JSONValue?, for name: JSONString) {
        switch (place(of: name), value) {
        case (let place?, let value?): members[place].value = value
        case (let place?, nil):
            members.remove(at: place)
            places = nil
        case (nil, let value?): append(Member(name, value))
        case (nil, nil): break
        }
    }

    /// Where a name is; an object of many members is indexed on first use.
    private mutating func place(of name: JSONString) -> Int? {
        guard members.count > Self.fewMembers else { return members.firstIndex { $0.exactName.isSame(as: name) } }
        let places = self.places ?? Self.places(of: members)
        self.places = places
        return places[ExactName(name)]
    }

    private static func places(of members: [Member]) -> [ExactName: Int] {
        var places = [ExactName: Int](minimumCapacity: members.count)
        for (place, member) in members.enumerated() { places[ExactName(member.exactName)] = place }
        return places
    }

    /// Whether no name comes twice: a few are compared one by one and many through a set, so that neither is slow.
    static func namesDiffer(in members: [Member]) -> Bool {
        if members.count > 2 * fewMembers {
            return Set(members.lazy.map { ExactName($0.exactName) }).count == members.count
        }
        for index in members.indices.dropFirst() {
            let name = members[index].exactName
            if members[..<index].contains(where: { $0.exactName.isSame(as: name) }) { return false }
        }
        return true
    }

    /// Appends a member whose name is known to be new.
    public mutating func append(_ name: String, _ value: JSONValue) {
        append(Member(name: name, value: value))
    }

    /// Appends a member as it is, whose name is known to be new.
    package mutating func append(_ member: Member) {
        places?[ExactName(member.exactName)] = members.count
        members.append(member)
    }

    /// Lays the members of another object over these: a `null` takes a member back, a new name is appended.
    ///
    /// The work is that of reading both once.
    public func merging(_ changes: JSONObject) -> JSONObject {
        var merged = self
        var isTakenBack = false
        for change in changes.members {
            let place = merged.place(of: change.exactName)
            if change.value.isNull, place == nil { continue }
            if let place {
                merged.members[place].value = change.value
            } else {
                merged.append(change)
            }
            isTakenBack = isTakenBack || change.value.isNull
        }
        guard isTakenBack else { return merged }
        let takenBack = Set(changes.members.lazy.filter(\.value.isNull).map { ExactName($0.exactName) })
        return JSONObject(uniqueMembers: merged.members.filter { !takenBack.contains(ExactName($0.exactName)) })
    }

    /// Whether both objects have the same names with values of the same meaning, in any order.
    ///
    /// Each value is compared once, so that deep objects cost no more than their length.
    public func isEquivalent(to other: JSONObject) -> Bool {
        guard members.count == other.members.count else { return false }
        if zip(members, other.members).allSatisfy({ $0.exactName.isSame(as: $1.exactName) }) {
            return zip(members, other.members).allSatisfy { $0.value.isEquivalent(to: $1.value) }
        }
        let places = other.places ?? Self.places(of: other.members)
        return members.allSatisfy { member in
            places[ExactName(member.exactName)].map { member.value.isEquivalent(to: other.members[$0].value) } ?? false
        }
    }

    /// The same members in the same order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool { left.members == right.members }

    /// Hashes the members in order.
    public func hash(into hasher: inout Hasher) { hasher.combine(members) }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// An object from literal members.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements.map { Member(name: $0.0, value: $0.1) })
    }
}
