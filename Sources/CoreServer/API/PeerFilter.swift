import Foundations
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
        guard address.contains(":"), let read = IPAddress(address) else { return [address] }
        guard let groups = read.groups else { return [read.text] }
        return [address, groups.map { String($0, radix: 16) }.joined(separator: ":")]
    }
}
