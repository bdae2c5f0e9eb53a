extension ValueFormat where Value == String? {
    /// The path of a signer's socket; `nil` for `memory`.
    static var signerAddress: ValueFormat {
        ValueFormat(.string) { text, name in
            if text.lowercased() == "memory" { return .value(nil) }
            let path = text.dropFirst("unix:".count)
            guard text.hasPrefix("unix:/"), !path.contains("\0"), path.utf8.count <= 100 else {
                return .breach(
                    .rule(
                        "'\(name)' must be \"memory\", or the socket of a signer such as unix:/run/tessera-signer/socket, of 100 "
                            + "bytes at most."))
            }
            return .value(String(path))
        } print: { path in
            path.map { "unix:\($0)" } ?? "memory"
        }
    }
}
