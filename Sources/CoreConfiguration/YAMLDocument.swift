import CTesseraYAML

/// Why a text is not a document of YAML.
struct YAMLFault: Error, CustomStringConvertible {
    let description: String
}

/// One document of YAML as far as a configuration needs it: LibYAML reads it, and this says what is at its top.
enum YAMLDocument {
    /// Nothing, or an explicit null.
    case empty
    /// Keys and values in order, also those of one name; a key that is no text is `nil`. Lines are counted from 1.
    case mapping([(key: String?, value: Value, line: Int)])
    /// Something else.
    case other

    /// What a key has.
    enum Value {
        case null
        case text(String)
        case nested
    }

    /// Reads a text.
    init(_ text: String) throws(YAMLFault) {
        // The parser keeps its own address, so that it must not move.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) != 0 else { throw YAMLFault(description: "out of memory") }
        defer { yaml_parser_delete(parser) }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
        defer { bytes.deallocate() }
        _ = bytes.initialize(from: text.utf8)
        yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
        let first = try Self.next(parser) { document throws(YAMLFault) in try Self.read(document) }
        let isOnly = try Self.next(parser) { document in yaml_document_get_root_node(document) == nil }
        guard isOnly else { throw YAMLFault(description: "there is more than one document") }
        self = first
    }

    private static func next<Result>(
        _ parser: UnsafeMutablePointer<yaml_parser_t>,
        _ read: (UnsafeMutablePointer<yaml_document_t>) throws(YAMLFault) -> Result
    ) throws(YAMLFault) -> Result {
        var document = yaml_document_t()
        guard yaml_parser_load(parser, &document) != 0 else {
            let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it cannot be read"
            throw YAMLFault(description: "line \(parser.pointee.problem_mark.line + 1): \(problem)")
        }
        defer { yaml_document_delete(&document) }
        return try read(&document)
    }

    private static func read(_ document: UnsafeMutablePointer<yaml_document_t>) throws(YAMLFault) -> YAMLDocument {
        guard let root = yaml_document_get_root_node(document)?.pointee else { return .empty }
        guard root.type == YAML_MAPPING_NODE else {
            if case .null = value(root) { return .empty }
            return .other
        }
        let pairs = root.data.mapping.pairs
        var members: [(key: String?, value: Value, line: Int)] = []
        for pair in UnsafeBufferPointer(start: pairs.start, count: (pairs.top - pairs.start)) {
            guard let key = yaml_document_get_node(document, pair.key)?.pointee,
                let value = yaml_document_get_node(document, pair.value)?.pointee
            else { continue }
            let name = key.type == YAML_SCALAR_NODE ? text(key) : nil
            members.append((name, self.value(value), Int(key.start_mark.line) + 1))
        }
        return .mapping(members)
    }

    private static func value(_ node: yaml_node_t) -> Value {
        guard node.type == YAML_SCALAR_NODE else { return .nested }
        let text = text(node)
        let isPlain = node.data.scalar.style == YAML_PLAIN_SCALAR_STYLE
        return isPlain && ["", "~", "null", "Null", "NULL"].contains(text) ? .null : .text(text)
    }

    private static func text(_ node: yaml_node_t) -> String {
        let scalar = node.data.scalar
        return String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
    }
}
