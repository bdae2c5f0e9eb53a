import CPublicSuffixList

/// The rules of the public suffix list (publicsuffix.org), ICANN and private domains.
public struct PublicSuffixes: Sendable {
    /// With which line a whole list ends.
    private static let end = "// ===END PRIVATE DOMAINS==="

    /// The rules as the list has them, names in punycode as hosts are.
    private let rules: Set<String>

    /// The list that this program was built with, read at the first call.
    ///
    /// - Throws: ``PublicSuffixListError`` where the list is damaged, at every call.
    public static func embedded() throws(PublicSuffixListError) -> PublicSuffixes { try loaded.get() }

    private static let loaded = Result { () throws(PublicSuffixListError) in
        var length = 0
        let bytes = public_suffix_list(&length)
        return try PublicSuffixes(parsing: UnsafeBufferPointer(start: bytes, count: length))
    }

    /// Reads a list (publicsuffix.org, "Format").
    ///
    /// - Parameter list: its UTF-8 text.
    /// - Throws: ``PublicSuffixListError`` for anything but a whole list: with half of one the sites of two owners would be
    ///   taken for one.
    public init(parsing list: some Sequence<UInt8>) throws(PublicSuffixListError) {
        guard let text = String(validating: list, as: UTF8.self) else {
            throw PublicSuffixListError(reason: "it is not UTF-8")
        }
        var rules: Set<String> = []
        var isWhole = false
        for line in text.utf8.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            if line.starts(with: "//".utf8) {
                isWhole = isWhole || line.elementsEqual(Self.end.utf8)
                continue
            }
            let rule = line.prefix { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
            if !rule.isEmpty { rules.insert(try Self.inPunycode(Substring(rule))) }
        }
        guard isWhole, !rules.isEmpty else { throw PublicSuffixListError(reason: "its end is missing") }
        self.rules = rules
    }

    private static func inPunycode(_ rule: Substring) throws(PublicSuffixListError) -> String {
        if rule.utf8.allSatisfy({ $0 < 0x80 }) { return String(rule) }
        let mark = rule.hasPrefix("!") ? "!" : ""
        var labels: [String] = []
        for label in rule.dropFirst(mark.count).split(separator: ".", omittingEmptySubsequences: false) {
            guard let encoded = Punycode.label(label) else {
                throw PublicSuffixListError(reason: "no host can have the name \(rule)")
            }
            labels.append(encoded)
        }
        return mark + labels.joined(separator: ".")
    }

    /// The part of a host that somebody registered: its public suffix and one label more.
    ///
    /// - Parameter host: a host name in lower case, international names in punycode.
    /// - Returns: `nil` for a name that is a public suffix itself, such as `co.uk`, or a single word.
    public func registrableDomain(of host: String) -> String? {
        let labels = host.split(separator: ".").map(String.init)
        let suffix = suffixLength(labels).labels
        return labels.count > suffix ? labels.suffix(suffix + 1).joined(separator: ".") : nil
    }

    /// How many of a host's last labels are a public suffix, and whether the list says so or the rule for the rest
    /// (publicsuffix.org, "Algorithm").
    package func suffixLength(_ labels: [String]) -> (labels: Int, isListed: Bool) {
        for start in labels.indices {
            let name = labels[start...].joined(separator: ".")
            let count = labels.count - start
            if rules.contains("!" + name) { return (count - 1, true) }
            if rules.contains(name) { return (count, true) }
            let parent = labels[(start + 1)...].joined(separator: ".")
            if !parent.isEmpty && rules.contains("*." + parent) { return (count, true) }
        }
        return (1, false)
    }
}

/// The list is not what it should be; nothing is known about any host.
public struct PublicSuffixListError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong with it.
    public let reason: String

    /// The reason, for a log.
    public var description: String { "the public suffix list cannot be used: \(reason)" }
}
