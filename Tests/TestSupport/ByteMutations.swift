/// Every small damage that one text can take.
public struct ByteMutations: Sendable {
    /// One damaged text.
    public struct Mutation: Sendable, CustomStringConvertible {
        /// What was done, and where.
        public let description: String
        /// The damaged text.
        public let text: String
    }

    private let original: [UInt8]

    /// Takes the healthy text.
    public init(of text: String) {
        original = Array(text.utf8)
    }

    /// Each of the eight bits of each byte flipped.
    public var bitFlips: [Mutation] {
        original.indices.flatMap { index in
            (0..<8).map { bit in
                var bytes = original
                bytes[index] ^= 1 << UInt8(bit)
                return mutation("bit \(bit) of byte \(index) flipped", bytes)
            }
        }
    }

    /// Each byte left out.
    public var deletions: [Mutation] {
        original.indices.map { index in
            var bytes = original
            bytes.remove(at: index)
            return mutation("byte \(index) deleted", bytes)
        }
    }

    /// Every proper prefix.
    public var truncations: [Mutation] {
        original.indices.map { mutation("cut to \($0) bytes", Array(original[..<$0])) }
    }

    /// A few bytes put in at each place, one at a time.
    public func insertions(of inserted: [UInt8] = Array("A=".utf8) + [0x20]) -> [Mutation] {
        (0...original.count).flatMap { index in
            inserted.map { byte in
                var bytes = original
                bytes.insert(byte, at: index)
                return mutation("byte \(byte) inserted at \(index)", bytes)
            }
        }
    }

    /// All of them.
    public var all: [Mutation] { bitFlips + deletions + truncations + insertions() }

    private func mutation(_ description: String, _ bytes: [UInt8]) -> Mutation {
        Mutation(description: description, text: String(decoding: bytes, as: UTF8.self))
    }
}
