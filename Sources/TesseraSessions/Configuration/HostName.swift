import Foundation
import Foundations

/// A host as browsers and name servers have it: a name in lower case and in A-labels (RFC 5890), four numbers, or an IPv6
/// address in brackets (RFC 5952).
struct HostName: Sendable, Hashable {
    /// Why a text is no host.
    enum Problem: Error {
        case empty, zone, brackets, address, name, length, international

        /// What to do about it.
        var advice: String {
            switch self {
            case .empty: "there is no host"
            case .zone: "a zone belongs to one machine: write the address without '%' and what follows"
            case .brackets: "write an IPv6 address in brackets, such as [::1]"
            case .address: "this is no address: write four numbers from 0 to 255, or an IPv6 address in brackets"
            case .name: "a host has letters, digits, dashes and dots"
            case .length: "a host has at most 253 characters, and 63 between two dots"
            case .international: "this is no international name: write its A-labels, such as xn--bcher-kva.example"
            }
        }
    }

    /// The host.
    let text: String

    /// Whether a host is four numbers.
    static func isIPv4(_ host: String) -> Bool { ipv4(host) != nil }

    /// Whether a host is an IPv6 address in brackets.
    static func isIPv6(_ host: String) -> Bool { host.hasPrefix("[") }

    /// Reads a host without scheme and port; a dot at its end is the same host to a name server, and is dropped.
    ///
    /// - Throws: ``Problem``.
    init(_ raw: Substring) throws(Problem) {
        if raw.hasPrefix("[") {
            guard raw.hasSuffix("]") else { throw .brackets }
            text = "[\(try Self.ipv6(raw.dropFirst().dropLast()))]"
            return
        }
        guard !raw.contains(":") else { throw .brackets }
        var name = raw.utf8.allSatisfy { $0 < 0x80 } ? raw.lowercased() : try Self.inALabels(raw)
        if name.hasSuffix(".") { name.removeLast() }
        guard !name.isEmpty else { throw .empty }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard name.utf8.allSatisfy(Self.isNameCharacter), labels.allSatisfy({ !$0.isEmpty && !$0.hasPrefix("-") })
        else {
            throw .name
        }
        guard name.utf8.count <= 253, labels.allSatisfy({ $0.utf8.count <= 63 && !$0.hasSuffix("-") }) else {
            throw .length
        }
        // Browsers read a host whose last label is a number as an address, in many forms.
        if let last = labels.last, Self.isNumber(last), Self.ipv4(name) == nil { throw .address }
        text = name
    }

    /// The A-labels of an international name, by the library's IDNA (UTS 46, as browsers have it).
    private static func inALabels(_ raw: Substring) throws(Problem) -> String {
        // Nothing of the syntax of a URL may be in it, in any width.
        let folded = raw.precomposedStringWithCompatibilityMapping
        guard !folded.unicodeScalars.contains(where: { $0.isASCII && !isNameScalar($0) }),
            let address = URL(string: "http://\(raw)/")?.absoluteString, address.hasPrefix("http://"),
            address.hasSuffix("/")
        else { throw .international }
        let host = address.dropFirst(7).dropLast()
        guard host.utf8.allSatisfy(isNameCharacter) else { throw .international }
        return String(host)
    }

    private static func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
        UInt8(exactly: scalar.value).map { isNameCharacter($0) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
            ?? false
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }

    private static func isNumber(_ label: Substring) -> Bool {
        label.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            || (label.hasPrefix("0x") && label.dropFirst(2).allSatisfy(\.isHexDigit))
    }

    /// The four numbers of an address in its one usual form.
    private static func ipv4(_ host: some StringProtocol) -> [UInt8]? {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in UInt8(part).flatMap { String($0) == part ? $0 : nil } }
        return parts.count == 4 && numbers.count == 4 ? numbers : nil
    }

    /// An IPv6 address in its shortest form.
    private static func ipv6(_ text: Substring) throws(Problem) -> String {
        guard !text.contains("%") else { throw .zone }
        let halves = text.components(separatedBy: "::")
        guard halves.count <= 2, let head = groups(halves[0], isEnd: halves.count == 1) else { throw .address }
        var all = head
        if halves.count == 2 {
            guard let tail = groups(halves[1], isEnd: true), head.count + tail.count < 8 else { throw .address }
            all += Array(repeating: 0, count: 8 - head.count - tail.count) + tail
        }
        guard all.count == 8 else { throw .address }
        return shortest(all)
    }

    /// The groups between colons; the end may have four numbers for two groups.
    private static func groups(_ text: String, isEnd: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isEnd, index == parts.count - 1, let numbers = ipv4(part) {
                groups.append(UInt16(numbers[0]) << 8 | UInt16(numbers[1]))
                groups.append(UInt16(numbers[2]) << 8 | UInt16(numbers[3]))
                continue
            }
            guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ Hex.value(ofDigit: $0) != nil }),
                let group = UInt16(part, radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }

    /// The address with its longest run of zeros left out (RFC 5952 section 4.2).
    private static func shortest(_ groups: [UInt16]) -> String {
        var best = 0..<0
        var start = 0
        for index in 0...groups.count {
            if index < groups.count, groups[index] == 0 { continue }
            if index - start > max(best.count, 1) { best = start..<index }
            start = index + 1
        }
        let texts = groups.map { String($0, radix: 16) }
        guard !best.isEmpty else { return texts.joined(separator: ":") }
        return texts[..<best.lowerBound].joined(separator: ":") + "::"
            + texts[best.upperBound...].joined(separator: ":")
    }
}
