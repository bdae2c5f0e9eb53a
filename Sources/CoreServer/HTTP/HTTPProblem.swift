import NIOCore
import NIOHTTP1

/// What is wrong with a request as HTTP, before its meaning is looked at.
///
/// Every one ends the connection: where one request ends and the next begins is not sure any more.
enum HTTPProblem: Error, Equatable {
    case badRequestLine
    case badHeader
    case badHost
    case contradictoryField
    case badLength
    case ambiguousLength
    case badChunk
    case bodyEndsEarly
    case targetTooLong
    case headTooLarge
    case bodyTooLarge
    case unknownExpectation
    case unknownMethod
    case unknownCoding
    case unknownVersion
    case tooSlow
    case tooMuchAtOnce
    case busy

    /// The status and the text for the sender.
    var answer: (status: Int, text: String) {
        switch self {
        case .badRequestLine: (400, "The request line is not one of HTTP/1.1.")
        case .badHeader: (400, "A header field is malformed.")
        case .badHost: (400, "There must be one Host header field, with a host and at most a port.")
        case .contradictoryField: (400, "A header field that has one value is given twice, with two values.")
        case .badLength: (400, "Content-Length is not a number, or there is more than one.")
        case .ambiguousLength: (400, "A request has a Content-Length or a Transfer-Encoding, not both.")
        case .badChunk: (400, "A chunk of the body is malformed.")
        case .bodyEndsEarly: (400, "The request ends before its end.")
        case .targetTooLong: (414, "The target of the request is too long.")
        case .headTooLarge: (431, "The header fields are too large or too many.")
        case .bodyTooLarge: (413, "Request body too large")
        case .unknownExpectation: (417, "The only expectation that is met is 100-continue.")
        case .unknownMethod: (501, "This method is not known.")
        case .unknownCoding: (501, "The only transfer coding that is known is chunked.")
        case .unknownVersion: (505, "The only versions of HTTP that are spoken are 1.0 and 1.1.")
        case .tooSlow: (408, "The request did not come in time.")
        case .tooMuchAtOnce: (503, "Too many large requests at once. Try again.")
        case .busy: (503, "Too many connections. Try again.")
        }
    }

    /// What the decoder's complaint means.
    ///
    /// - Parameters:
    ///   - inBody: whether the head was complete.
    ///   - beginning: the bytes that the request began with.
    init(_ error: any Error, inBody: Bool, after beginning: ByteBuffer) {
        let line = RequestLine(beginning)
        switch error as? HTTPParserError {
        case .invalidMethod?: self = line.hasMethod ? .unknownMethod : .badRequestLine
        case .invalidVersion?: self = line.hasVersion ? .unknownVersion : .badRequestLine
        case .headerOverflow?: self = line.isWhole ? .headTooLarge : .targetTooLong
        case .invalidContentLength?: self = .badLength
        case .unexpectedContentLength?: self = .ambiguousLength
        case .invalidChunkSize?: self = .badChunk
        case .invalidEOFState?: self = .bodyEndsEarly
        case .invalidHeaderToken?: self = inBody ? .badChunk : .badHeader
        case .lfExpected?, .strictModeAssertion?: self = inBody ? .badChunk : .badHeader
        default: self = inBody ? .badChunk : .badRequestLine
        }
    }
}

extension RequestHead {
    /// What HTTP itself has against this head (RFC 9110, RFC 9112).
    ///
    /// - Parameters:
    ///   - limits: what a head may have.
    ///   - contradicts: whether two values of a field that has one are a problem here, or are judged by who reads them.
    func problem(_ limits: ServerLimits, contradicts: Bool = true) -> HTTPProblem? {
        if path.utf8.count + (query?.utf8.count ?? 0) > limits.target { return .targetTooLong }
        if !isHostGood { return .badHost }
        if contradicts, fields.isContradictory { return .contradictoryField }
        if let problem = bodyProblem { return problem }
        // An expectation in HTTP/1.0 is ignored (RFC 9110 section 10.1.1).
        if let expectation = fields.expectation, !isVersion10, !expectation.isSameToken(as: "100-continue") {
            return .unknownExpectation
        }
        return nil
    }

    /// Whether the client waits for a word before it sends its body.
    var awaitsContinue: Bool { fields.expectation != nil && !isVersion10 && hasBody }

    private var bodyProblem: HTTPProblem? {
        if !fields.transferEncodings.isEmpty {
            if fields.contentLength != nil { return .ambiguousLength }
            // A client of HTTP/1.0 cannot know chunks (RFC 9112 section 6.1).
            if isVersion10 { return .ambiguousLength }
            guard fields.transferEncodings.count == 1, fields.transferEncodings[0].isSameToken(as: "chunked") else {
                return .unknownCoding
            }
        } else if fields.contentLength != nil, announcedLength == nil {
            return .badLength
        }
        return nil
    }

    /// One field `Host` that is a host, or none in HTTP/1.0 (RFC 9112 section 3.2).
    private var isHostGood: Bool {
        guard fields.hosts.count <= 1 else { return false }
        if fields.hosts.isEmpty, !isVersion10 { return false }
        return (fields.hosts + [authority].compactMap(\.self)).allSatisfy { HostName($0) != nil }
    }
}

/// The line that a request begins with, to say what is wrong with it.
private struct RequestLine {
    let isWhole: Bool
    private let endsAsItShould: Bool
    private let bytes: [UInt8]

    init(_ beginning: ByteBuffer) {
        let view = beginning.readableBytesView
        let end = view.firstIndex { $0 == 13 || $0 == 10 }
        isWhole = end != nil
        endsAsItShould = end.map { view[$0] == 13 } ?? false
        bytes = Array(view[..<(end ?? view.endIndex)])
    }

    /// Whether it begins with a token and a target follows or may still come (RFC 9112 section 3).
    var hasMethod: Bool {
        let space = bytes.firstIndex(of: UInt8(ascii: " "))
        let end = space ?? bytes.count
        guard end > 0, !isWhole || end + 1 < bytes.count else { return false }
        return bytes[..<end].allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"):
                true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
    }

    /// Whether it ends with a version that is one, of whatever number.
    var hasVersion: Bool {
        let parts = bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard endsAsItShould, parts.count == 3, let version = parts.last, version.count == 8 else { return false }
        let isDigit = { (byte: UInt8) in byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        let tail = version.suffix(3)
        return version.starts(with: "HTTP/".utf8) && tail.first.map(isDigit) == true && tail.last.map(isDigit) == true
            && tail.dropFirst().first == UInt8(ascii: ".")
    }
}
