import Foundations

/// What a proof was made for: a method and a URL without query and fragment, normalised by syntax and scheme (RFC 3986
/// section 6.2.2 and 6.2.3, RFC 9449 section 4.3).
package struct ProofTarget: Sendable, Hashable {
    package let method: String
    /// The URL after normalisation.
    package let url: String

    private static let longest = 4_096

    /// Reads a method and an absolute URL of HTTP; `nil` for anything else, and for a URL with user information.
    package init?(method: String, url: String) {
        guard !method.isEmpty, method.utf8.count <= 32, let url = Self.normalised(url) else { return nil }
        (self.method, self.url) = (method, url)
    }

    /// Reads the field `tessera-dpop-target`: a method, a space and a URL.
    package init?(_ field: String) {
        let parts = field.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        self.init(method: String(parts[0]), url: String(parts[1]))
    }

    private static func normalised(_ url: String) -> String? {
        let bytes = Array(url.utf8)
        guard bytes.count <= longest, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let whole = url.prefix { $0 != "?" && $0 != "#" }
        guard let colon = whole.firstIndex(of: ":") else { return nil }
        let scheme = whole[..<colon].lowercased()
        let rest = whole[whole.index(after: colon)...]
        guard scheme == "https" || scheme == "http", rest.hasPrefix("//") else { return nil }
        let place = rest.dropFirst(2)
        let end = place.firstIndex(of: "/") ?? place.endIndex
        guard let authority = authority(place[..<end], scheme), let path = path(place[end...]) else { return nil }
        return "\(scheme)://\(authority)\(path)"
    }

    private static func authority(_ text: Substring, _ scheme: String) -> String? {
        guard !text.contains("@"), !text.contains("%") else { return nil }
        var host = text
        var port = Substring()
        // The last colon after a literal address, or the only one.
        let from = text.lastIndex(of: "]").map { text.index(after: $0) } ?? text.startIndex
        if let colon = text[from...].firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty, port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        guard port.isEmpty || UInt16(port) != nil else { return nil }
        let number = UInt16(port)
        let usual: UInt16 = scheme == "https" ? 443 : 80
        let name = host.lowercased()
        guard let number, number != usual else { return name }
        return "\(name):\(number)"
    }

    private static func path(_ text: Substring) -> String? {
        guard let unescaped = unescaped(text) else { return nil }
        var kept: [Substring] = []
        let segments = unescaped.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (place, segment) in segments.enumerated() {
            let isLast = place == segments.count - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return "/" + kept.joined(separator: "/")
    }

    /// A path with its escapes in uppercase, and those of unreserved characters decoded.
    private static func unescaped(_ path: Substring) -> String? {
        var (bytes, rest) = ([UInt8](), Array(path.utf8)[...])
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                rest.prefix(2).allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") })
            else { return nil }
            rest = rest.dropFirst(2)
            if isUnreserved(value) {
                bytes.append(value)
            } else {
                bytes += [UInt8(ascii: "%")] + Array(Hex.encode([value]).uppercased().utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
