import Foundation
import Hummingbird

/// A page of the application, as text with every value in it escaped.
struct Page: ResponseGenerator {
    /// Text that is HTML already.
    struct Markup: ExpressibleByStringInterpolation {
        private(set) var text: String

        init(stringLiteral text: String) { self.text = text }
        init(stringInterpolation: Interpolation) { text = stringInterpolation.text }
        init(_ parts: [Markup]) { text = parts.map(\.text).joined(separator: "\n") }

        struct Interpolation: StringInterpolationProtocol {
            fileprivate var text = ""

            init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity * 2) }
            mutating func appendLiteral(_ literal: String) { text += literal }
            /// What comes from elsewhere is text, never markup.
            mutating func appendInterpolation(_ value: some CustomStringConvertible) {
                for character in "\(value)" {
                    switch character {
                    case "&": text += "&amp;"
                    case "<": text += "&lt;"
                    case ">": text += "&gt;"
                    case "\"": text += "&quot;"
                    case "'": text += "&#39;"
                    default: text.append(character)
                    }
                }
            }
            mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
            /// What the SDK renders, such as the field against forged requests.
            mutating func appendInterpolation(html: String) { text += html }
        }
    }

    let title: String
    let body: Markup
    var status = HTTPResponse.Status.ok

    func response(from request: Request, context: some RequestContext) -> Response {
        let page: Markup = """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>\(title)</title>
            <style>
            :root { color-scheme: light dark; font: 16px/1.5 system-ui }
            body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
            label, button { display: block; margin: .75rem 0 }
            input { display: block; width: 100%; padding: .4rem; font: inherit; box-sizing: border-box }
            li form { display: inline-block; margin-left: 1rem }
            </style>
            <h1>\(title)</h1>
            \(body)
            </html>
            """
        return Response(
            status: status, headers: [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: page.text)))
    }
}
