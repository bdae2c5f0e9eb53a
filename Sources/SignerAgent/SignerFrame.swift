package import SessionEngine

/// What a core and a signer send each other over a Unix socket (docs/signers.md): big-endian,
/// `uint32 length ‖ uint8 type ‖ uint32 id ‖ body`, where the length is that of what follows it.
///
/// An answer has the id of its question. There are no texts but the names of keys and the signing inputs.
package enum SignerFrame {
    /// The longest frame without its length.
    package static let longest = 64 * 1_024
    /// The most inputs of one question.
    package static let mostInputs = 64
    /// The version of this protocol.
    package static let version: UInt8 = 1

    /// What is asked for.
    package enum Question: Sendable, Equatable {
        /// The versions are compared.
        case hello(version: UInt8)
        /// The keys from that place on.
        case list(from: UInt32)
        /// Signatures over signing inputs.
        case sign(SignerKeyName, [[UInt8]])
        /// A new key.
        case make(KeyID, SigningAlgorithm)
        /// The end of a key.
        case delete(SignerKeyName)
    }

    /// A key of a list.
    package struct Entry: Sendable, Equatable {
        package var name: SignerKeyName
        package var id: KeyID
        package var algorithm: SigningAlgorithm
        /// When it was made, in milliseconds since 1970.
        package var createdAt: Int64

        package init(name: SignerKeyName, id: KeyID, algorithm: SigningAlgorithm, createdAt: Int64) {
            (self.name, self.id, self.algorithm, self.createdAt) = (name, id, algorithm, createdAt)
        }
    }

    /// What is answered.
    package enum Answer: Sendable, Equatable {
        case hello(version: UInt8)
        /// How many keys there are, and some of them.
        case list(total: UInt32, [Entry])
        /// For each input its signature, or why there is none.
        case signed([Result<[UInt8], Problem>])
        /// The public half in SubjectPublicKeyInfo DER.
        case made([UInt8])
        /// Whether there was such a key.
        case deleted(Bool)
        case failed(Problem)
    }

    /// Why nothing is given.
    package enum Problem: UInt8, Error, Sendable, CaseIterable {
        /// There is no such key.
        case unknownKey = 1
        /// The rules forbid it (``SigningRules``).
        case refused = 2
        /// More was asked for than is allowed in this time.
        case tooMany = 3
        /// The key store failed.
        case failed = 4
        /// The question cannot be read, and the connection ends.
        case malformed = 5
        /// It is under way, and the same question is answered soon.
        case notYet = 6
    }

    /// A frame on the wire.
    package static func encoded(_ question: Question, id: UInt32) -> [UInt8] {
        switch question {
        case .hello(let version): frame(9, id, [version])
        case .list(let offset): frame(1, id, bytes(offset))
        case .sign(let name, let inputs):
            frame(3, id, name.bytes + [UInt8(truncatingIfNeeded: inputs.count)] + inputs.flatMap(text))
        case .make(let key, let algorithm): frame(5, id, [code(algorithm)] + short(key))
        case .delete(let name): frame(7, id, name.bytes)
        }
    }

    /// A frame on the wire.
    package static func encoded(_ answer: Answer, id: UInt32) -> [UInt8] {
        switch answer {
        case .hello(let version): return frame(10, id, [version])
        case .list(let total, let entries):
            let keys = entries.flatMap { entry in
                entry.name.bytes + short(entry.id) + [code(entry.algorithm)]
                    + bytes(UInt64(bitPattern: entry.createdAt))
            }
            return frame(2, id, bytes(total) + bytes(UInt16(truncatingIfNeeded: entries.count)) + keys)
        case .signed(let results):
            let parts = results.flatMap { result -> [UInt8] in
                switch result {
                case .success(let signature): [0] + text(signature)
                case .failure(let problem): [problem.rawValue] + text([])
                }
            }
            return frame(4, id, [UInt8(truncatingIfNeeded: results.count)] + parts)
        case .made(let key): return frame(6, id, text(key))
        case .deleted(let wasThere): return frame(8, id, [wasThere ? 1 : 0])
        case .failed(let problem): return frame(255, id, [problem.rawValue])
        }
    }

    /// Reads a question without its length; `nil` for anything else.
    package static func question(_ frame: [UInt8]) -> (id: UInt32, Question)? {
        var reader = FrameReader(frame)
        guard let type = reader.byte(), let id = reader.word() else { return nil }
        let question: Question?
        switch type {
        case 9: question = reader.byte().map { .hello(version: $0) }
        case 1: question = reader.word().map { .list(from: $0) }
        case 3: question = reader.inputs()
        case 5:
            guard let algorithm = reader.byte().flatMap(algorithm), let key = reader.keyID() else { return nil }
            question = .make(key, algorithm)
        case 7: question = reader.name().map { .delete($0) }
        default: return nil
        }
        guard let question, reader.isAtEnd else { return nil }
        return (id, question)
    }

    /// Reads an answer without its length; `nil` for anything else.
    package static func answer(_ frame: [UInt8]) -> (id: UInt32, Answer)? {
        var reader = FrameReader(frame)
        guard let type = reader.byte(), let id = reader.word() else { return nil }
        let answer: Answer?
        switch type {
        case 10: answer = reader.byte().map { .hello(version: $0) }
        case 2: answer = reader.list()
        case 4: answer = reader.signatures()
        case 6: answer = reader.text().map { .made($0) }
        case 8: answer = reader.byte().map { .deleted($0 == 1) }
        case 255: answer = reader.byte().flatMap(Problem.init).map { .failed($0) }
        default: return nil
        }
        guard let answer, reader.isAtEnd else { return nil }
        return (id, answer)
    }

    /// What an input takes in a question.
    package static func room(for input: [UInt8]) -> Int { 2 + input.count }

    /// What a question to sign takes without its inputs.
    package static let roomForSign = 5 + 32 + 1

    private static func frame(_ type: UInt8, _ id: UInt32, _ body: [UInt8]) -> [UInt8] {
        bytes(UInt32(truncatingIfNeeded: 5 + body.count)) + [type] + bytes(id) + body
    }

    private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    private static func text(_ text: [UInt8]) -> [UInt8] { bytes(UInt16(truncatingIfNeeded: text.count)) + text }

    private static func short(_ key: KeyID) -> [UInt8] {
        [UInt8(truncatingIfNeeded: key.rawValue.utf8.count)] + Array(key.rawValue.utf8)
    }

    static func code(_ algorithm: SigningAlgorithm) -> UInt8 { algorithm == .rs256 ? 1 : 2 }

    static func algorithm(_ code: UInt8) -> SigningAlgorithm? {
        switch code {
        case 1: .rs256
        case 2: .es256
        default: nil
        }
    }
}

/// Reads the parts of a frame in their order; `nil` where it is too short.
private struct FrameReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { place == bytes.count }

    mutating func take(_ count: Int) -> [UInt8]? {
        guard count <= bytes.count - place else { return nil }
        defer { place += count }
        return Array(bytes[place..<(place + count)])
    }

    mutating func byte() -> UInt8? { take(1)?.first }

    mutating func half() -> UInt16? { take(2)?.reduce(0) { $0 << 8 | UInt16($1) } }

    mutating func word() -> UInt32? { take(4)?.reduce(0) { $0 << 8 | UInt32($1) } }

    mutating func text() -> [UInt8]? { half().flatMap { take(Int($0)) } }

    mutating func name() -> SignerKeyName? { take(32).flatMap(SignerKeyName.init(bytes:)) }

    mutating func keyID() -> KeyID? {
        byte().flatMap { take(Int($0)) }.flatMap { KeyID(String(decoding: $0, as: UTF8.self)) }
    }

    mutating func inputs() -> SignerFrame.Question? {
        guard let name = name(), let count = byte(), (1...SignerFrame.mostInputs).contains(Int(count)) else {
            return nil
        }
        var inputs: [[UInt8]] = []
        for _ in 0..<count {
            guard let input = text() else { return nil }
            inputs.append(input)
        }
        return .sign(name, inputs)
    }

    mutating func signatures() -> SignerFrame.Answer? {
        guard let count = byte() else { return nil }
        var results: [Result<[UInt8], SignerFrame.Problem>] = []
        for _ in 0..<count {
            guard let status = byte(), let signature = text() else { return nil }
            if status == 0 {
                results.append(.success(signature))
            } else {
                results.append(.failure(SignerFrame.Problem(rawValue: status) ?? .failed))
            }
        }
        return .signed(results)
    }

    mutating func list() -> SignerFrame.Answer? {
        guard let total = word(), let count = half() else { return nil }
        var entries: [SignerFrame.Entry] = []
        for _ in 0..<count {
            guard let name = name(), let id = keyID(), let algorithm = byte().flatMap(SignerFrame.algorithm),
                let time = take(8)?.reduce(UInt64(0), { $0 << 8 | UInt64($1) })
            else { return nil }
            entries.append(
                SignerFrame.Entry(name: name, id: id, algorithm: algorithm, createdAt: Int64(bitPattern: time)))
        }
        return .list(total: total, entries)
    }
}
