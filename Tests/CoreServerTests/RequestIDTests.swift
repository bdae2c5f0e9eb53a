import NIOHTTP1
import Testing

@testable import CoreServer

@Suite("finding O5: the ID of a request")
struct RequestIDTests {
    @Test(
        "a caller's ID is taken if it is short and plain",
        arguments: [
            (["abc"], "abc"), (["0af7651916cd43dd8448eb211c80319c"], "0af7651916cd43dd8448eb211c80319c"),
            (["A-._~:+/=@z"], "A-._~:+/=@z"),
            ([String(repeating: "x", count: 128)], String(repeating: "x", count: 128)),
            ([String(repeating: "x", count: 129)], nil), ([""], nil), (["a b"], nil), (["a\tb"], nil), (["a\"b"], nil),
            (["a,b"], nil), (["é"], nil), (["\u{2028}"], nil), (["<script>"], nil), (["a", "a"], nil), ([], nil),
        ] as [([String], String?)])
    func given(values: [String], expected: String?) {
        let headers = HTTPHeaders(values.map { ("X-Request-ID", $0) })
        #expect(RequestID.given(in: RequestHead.Fields(headers)) == expected)
    }

    @Test("an ID that is made is another one each time, and is one that a caller could have given")
    func made() {
        let ids = (0..<100).map { _ in RequestID.make() }
        #expect(Set(ids).count == 100)
        for id in ids {
            #expect(RequestID.given(in: RequestHead.Fields(HTTPHeaders([("x-request-id", id)]))) == id)
        }
    }
}
