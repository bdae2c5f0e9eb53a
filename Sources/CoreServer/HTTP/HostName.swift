/// The host of a `Host` field, without its port (RFC 9110 section 7.2).
package struct HostName: Equatable {
    /// The name or address, in lowercase, an IPv6 address without its brackets.
    package let text: String

    /// Takes a field's value; `nil` when it is not a host with at most a port.
    package init?(_ value: String) {
        let bytes = value.utf8
        let host: Substring
        let rest: Substring
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = value[bytes.index(after: bytes.startIndex)..<end]
            rest = value[bytes.index(after: end)...]
            guard host.utf8.contains(UInt8(ascii: ":")), host.utf8.allSatisfy(Self.isOfAddress) else { return nil }
        } else {
            let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? value.endIndex
            host = value[..<end]
            rest = value[end...]
            guard !host.isEmpty, host.utf8.allSatisfy(Self.isOfName) else { return nil }
        }
        guard rest.isEmpty || (rest.first == ":" && Self.isPort(rest.dropFirst())) else { return nil }
        text = host.lowercased()
    }

    /// Whether only this machine has the name or address: a page elsewhere cannot make a browser call it so
    /// (DNS rebinding).
    var isLoopback: Bool {
        text.hasSuffix(".localhost") || Loopback.isLocal(text)
    }

    private static func isPort(_ text: Substring) -> Bool { text.isEmpty || UInt16(text) != nil }

    private static func isOfAddress(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "%"):
            true
        default: false
        }
    }

    /// What a registered name is made of (RFC 3986 section 3.2.2).
    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: "-._~%!$&'()*+,;=".utf8.contains(byte)
        }
    }
}
