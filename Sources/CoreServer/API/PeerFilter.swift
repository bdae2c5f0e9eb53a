import Synchronization

/// Which addresses may ask this core anything, as regular expressions (docs/specification/core.md 8.2).
///
/// An expression has to match a whole address. `deny` is asked first; with an `allow`, an address that it does not
/// match is denied.
public struct PeerFilter: Sendable, Equatable {
    private let allow: Expression?
    private let deny: Expression?

    /// Makes a filter; `nil` when an expression is not one.
    public init?(allow: String? = nil, deny: String? = nil) {
        self.allow = allow.flatMap(Expression.init)
        self.deny = deny.flatMap(Expression.init)
        guard (self.allow == nil) == (allow == nil), (self.deny == nil) == (deny == nil) else { return nil }
    }

    /// Whether an address may come in; one that is not known may not.
    func admits(_ address: String?) -> Bool {
        guard let address else { return false }
        let spellings = PeerAddress.spellings(of: address)
        if let deny, spellings.contains(where: deny.matches) { return false }
        return allow.map { allow in spellings.contains(where: allow.matches) } ?? true
    }

    /// An expression that matches a whole text or nothing.
    ///
    /// Swift's syntax has what Java's has but lookbehind, which is refused; texts are compared scalar by scalar.
    private final class Expression: Sendable, Equatable {
        private let text: String
        private let regex: Mutex<Regex<AnyRegexOutput>>

        /// Takes an expression that is complete by itself; within a group, what is not closed, or comments the rest away,
        /// is found.
        init?(_ text: String) {
            do {
                _ = try Regex(text)
                let regex = try Regex("(?:\(text))").matchingSemantics(.unicodeScalar)
                // What the syntax has and the machine has not is found by the first match.
                _ = try regex.wholeMatch(in: "127.0.0.1")
                self.text = text
                self.regex = Mutex(regex)
            } catch {
                return nil
            }
        }

        static func == (left: Expression, right: Expression) -> Bool { left.text == right.text }

        func matches(_ text: String) -> Bool {
            regex.withLock { regex in (try? regex.wholeMatch(in: text)) != nil }
        }
    }
}

/// The ways to write an address.
enum PeerAddress {
    /// The address as systems print it and, for IPv6, with all eight groups as Java prints it.
    ///
    /// IPv4 that comes over an IPv6 socket is IPv4.
    static func spellings(of address: String) -> [String] {
        guard let groups = groups(of: address) else { return [address] }
        if groups.prefix(5).allSatisfy({ $0 == 0 }), groups[5] == 0xffff {
            return [groups[6...].flatMap { [$0 >> 8, $0 & 0xff] }.map { String($0) }.joined(separator: ".")]
        }
        return [address, groups.map { String($0, radix: 16) }.joined(separator: ":")]
    }

    /// The eight groups of an IPv6 address.
    private static func groups(of address: String) -> [UInt16]? {
        guard address.contains(":") else { return nil }
        let halves = address.split(separator: "::", omittingEmptySubsequences: false).map { run(String($0)) }
        guard let head = halves[0] else { return nil }
        if halves.count == 1 { return head.count == 8 ? head : nil }
        guard halves.count == 2, let tail = halves[1], head.count + tail.count < 8 else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    /// Groups without a gap; the last may be written as IPv4.
    private static func run(_ text: String) -> [UInt16]? {
        var groups: [UInt16] = []
        for part in text.split(separator: ":") {
            let bytes = part.split(separator: ".").compactMap { UInt8($0) }
            if bytes.count == 4 {
                groups += [UInt16(bytes[0]) << 8 | UInt16(bytes[1]), UInt16(bytes[2]) << 8 | UInt16(bytes[3])]
            } else if let group = UInt16(part, radix: 16) {
                groups.append(group)
            } else {
                return nil
            }
        }
        return groups
    }
}
