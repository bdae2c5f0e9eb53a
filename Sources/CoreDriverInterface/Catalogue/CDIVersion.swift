/// A version of the core driver interface: what one generation of drivers speaks.
public struct CDIVersion: Sendable, Hashable, CustomStringConvertible {
    private let major: Int
    private let minor: Int

    /// Takes the text of a `cdi-version` header; `nil` unless it is `<number>.<number>` without leading zeros.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = Self.number(parts[0]), let minor = Self.number(parts[1]) else { return nil }
        self.major = major
        self.minor = minor
    }

    private static func number(_ digits: Substring) -> Int? {
        guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return digits.count > 1 && digits.first == "0" ? nil : Int(digits)
    }

    /// Older before newer; only ``Availability`` may ask, so that the catalogue alone compares versions.
    fileprivate static func < (left: CDIVersion, right: CDIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    /// The version as drivers write it.
    public var description: String { "\(major).\(minor)" }
}

extension CDIVersion {
    /// Versions as a person reads them: neighbours as a span, such as `2.0-2.21`.
    public static func summary(of versions: [CDIVersion]) -> String {
        var spans: [(first: CDIVersion, last: CDIVersion)] = []
        for version in versions.sorted(by: <) {
            if let last = spans.last?.last, last.major == version.major, last.minor + 1 == version.minor {
                spans[spans.count - 1].last = version
            } else {
                spans.append((version, version))
            }
        }
        return spans.map { $0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)" }.joined(separator: " ")
    }
}

extension CDIVersion: ExpressibleByStringLiteral {
    /// A version in the source; the text must be one.
    public init(stringLiteral text: String) {
        guard let version = CDIVersion(text) else { preconditionFailure("'\(text)' is not a version") }
        self = version
    }
}

/// The versions in which something exists, as `@available` would say it.
public struct Availability: Sendable, Hashable {
    let introduced: CDIVersion?
    let obsoleted: CDIVersion?

    /// From `introduced` on, and no longer from `obsoleted` on; `nil` leaves that side open.
    init(introduced: CDIVersion? = nil, obsoleted: CDIVersion? = nil) {
        self.introduced = introduced
        self.obsoleted = obsoleted
    }

    /// Whether a version is among them.
    ///
    /// The only comparison of versions in this package.
    func contains(_ version: CDIVersion) -> Bool {
        introduced.map { !(version < $0) } ?? true && obsoleted.map { version < $0 } ?? true
    }
}
