/// Which hosts are this machine and can be reached from nowhere else.
package enum Loopback {
    /// A host without the brackets that an IPv6 address has in a URI.
    package static func bare(_ host: String) -> String {
        guard host.hasPrefix("["), host.hasSuffix("]"), host.contains(":") else { return host }
        return String(host.dropFirst().dropLast())
    }

    /// Whether a name or an address is of this machine alone, in any spelling: `localhost`, 127.0.0.0/8, `::1`, and IPv4
    /// within IPv6 (RFC 6761 section 6.3, RFC 4291 section 2.5).
    package static func isLocal(_ host: String) -> Bool {
        let text = bare(host).lowercased()
        if text == "localhost" || text == "localhost." { return true }
        let spellings = PeerAddress.spellings(of: text)
        return spellings.contains("0:0:0:0:0:0:0:1") || spellings.contains(where: isOfLoopbackNet)
    }

    /// Whether a text is an address of 127.0.0.0/8; a number with a leading zero is octal for some systems, and none here.
    private static func isOfLoopbackNet(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy {
                $0.utf8.allSatisfy { (48...57).contains($0) } && UInt8($0) != nil && ($0 == "0" || $0.first != "0")
            }
    }
}
