# run_tests: parallel timeout=300
"""doc/openapi.json against a running gateway: every operation is there, what it answers has
the shape that is documented, and errors have the one shape."""
from agent import *

with open(os.path.join(ROOT, 'doc', 'openapi.json'), encoding='utf-8') as text_:
    API = json.load(text_)
METHODS = ('get', 'post', 'put', 'patch', 'delete')
KNOWN = {'type', 'properties', 'required', 'items', 'enum', '$ref', 'nullable', 'oneOf', 'anyOf',
         'allOf', 'additionalProperties', 'description', 'format', 'minimum', 'maximum',
         'minLength', 'maxLength', 'pattern', 'default', 'example', 'examples', 'const', 'title',
         'minItems', 'maxItems', 'readOnly', 'writeOnly', 'deprecated'}
TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'null': type(None)}


def followed(what):
    """Where a $ref of the document leads."""
    while '$ref' in what:
        at = API
        for part in what['$ref'].removeprefix('#/').split('/'):
            at = at[part.replace('~1', '/').replace('~0', '~')]
        what = at
    return what


def is_a(value, kind):
    if kind == 'integer':
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == 'number':
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


def complaints(value, schema, at='$'):
    """What is wrong with a value, as sentences."""
    if schema is True or schema == {}:
        return
    schema = followed(schema)
    unknown = {k for k in schema if not k.startswith('x-')} - KNOWN
    if unknown:
        yield '%s: the schema has %s, which this test does not know' % (at, unknown)
    if value is None and schema.get('nullable'):
        return
    kinds = schema.get('type', [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(is_a(value, kind) for kind in kinds):
        yield '%s: %r is no %s' % (at, value, ' or '.join(kinds))
        return
    if 'enum' in schema and value not in schema['enum']:
        yield '%s: %r is none of %s' % (at, value, schema['enum'])
    if 'const' in schema and value != schema['const']:
        yield '%s: %r is not %r' % (at, value, schema['const'])
    for name, needed in (('oneOf', lambda n: n == 1), ('anyOf', lambda n: n > 0)):
        if name in schema:
            fits = sum(not list(complaints(value, s, at)) for s in schema[name])
            if not needed(fits):
                yield '%s: fits %d of %s: %r' % (at, fits, name, value)
    for part in schema.get('allOf', []):
        yield from complaints(value, part, at)
    if isinstance(value, dict):
        yield from of_object(value, schema, at)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from complaints(item, schema.get('items', {}), '%s[%d]' % (at, i))
    elif isinstance(value, str):
        if 'pattern' in schema and not re.search(schema['pattern'], value):
            yield '%s: %r does not match %s' % (at, value, schema['pattern'])
        if not schema.get('minLength', 0) <= len(value) <= schema.get('maxLength', 1 << 30):
            yield '%s: a length of %d' % (at, len(value))
    elif is_a(value, 'number'):
        if not schema.get('minimum', value) <= value <= schema.get('maximum', value):
            yield '%s: %r is out of range' % (at, value)


def of_object(value, schema, at):
    known = schema.get('properties', {})
    for name in schema.get('required', []):
        if name not in value:
            yield '%s: no %s' % (at, name)
    for name, item in value.items():
        if name in known:
            yield from complaints(item, known[name], at + '.' + name)
        elif schema.get('additionalProperties') is False:
            yield '%s: %s is not documented' % (at, name)
        elif isinstance(schema.get('additionalProperties'), dict):
            yield from complaints(item, schema['additionalProperties'], at + '.' + name)


def operations():
    for path_, item in API['paths'].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path_, item[method]


def documented(operation, answer):
    """What is wrong with an answer, by the document."""
    responses = operation['responses']
    what = responses.get(str(answer.status)) or responses.get('default')
    if what is None:
        return ['status %d is not documented' % answer.status]
    content = followed(what).get('content', {})
    kind = (answer.field('Content-Type') or '').split(';')[0]
    if not content:
        return ['a body that is not documented'] if answer.body else []
    if kind not in content:
        return ['type %r is not documented' % kind]
    if kind != 'application/json':
        return []
    return list(complaints(answer.json, content[kind].get('schema', {})))


@case('the document itself: version, references, an answer and a name for each operation')
def document(stack):
    del stack
    expect(re.match(r'3\.[01]\.', API['openapi']), API['openapi'])
    names = []
    for method, path_, operation in operations():
        expect(operation.get('responses'), method, path_, 'has no responses')
        expect(any(s.startswith('2') or s == '101' for s in operation['responses']), method, path_)
        names.append(operation.get('operationId'))
        parameters = [followed(p) for p in [*operation.get('parameters', []),
                                            *API['paths'][path_].get('parameters', [])]]
        equal({p['name'] for p in parameters if p['in'] == 'path'},
              set(re.findall(r'\{(\w+)\}', path_)), path_)
    equal(len(set(names)), len(names), 'operationId')

    def walk(at):
        if isinstance(at, dict):
            if isinstance(at.get('$ref'), str):
                followed(at)
            for item in at.values():
                walk(item)
        elif isinstance(at, list):
            for item in at:
                walk(item)
    walk(API)


def filled(path_, names):
    return re.sub(r'\{(\w+)\}', lambda m: names.get(m.group(1), 'nothing-here'), path_)


@case('each operation is answered to strangers, with the one shape of errors')
def strangers(stack):
    wrong = []
    gateway = Gateway(stack)
    gateway.setup()
    for i, (method, path_, operation) in enumerate(operations()):
        if i % 60 == 59:  # before the address is told to wait
            gateway.stop()
            gateway = Gateway(stack)
            gateway.setup()
        answer = gateway.ask(method, filled(path_, {}), [('Content-Type', 'application/json')],
                             b'{}' if method != 'GET' else None)
        if answer.status in (405, 501) or answer.status >= 500:
            wrong.append('%s %s: %s' % (method, path_, answer))
        elif answer.status >= 400:
            if not isinstance(answer.json.get('error'), str):
                wrong.append('%s %s: no error sentence' % (method, path_))
        if '101' not in operation['responses']:
            wrong += ['%s %s: %s' % (method, path_, c) for c in documented(operation, answer)]
    expect(not wrong, '\n'.join(wrong))
    gateway.stop()


@case('an unknown path is 404, an unknown method 405 with Allow')
def unknown(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    ui.get('/api/nothing').expect(404)
    by_path = {}
    for method, path_, _ in operations():
        by_path.setdefault(path_, set()).add(method)
    for path_, methods in sorted(by_path.items()):
        if '/ws' in path_ or not path_.startswith('/api/'):
            continue
        answer = ui.ask('PUT', filled(path_, {}), {})
        if 'PUT' not in methods:
            answer.expect(405, text=path_)
            # More may be there: /api/clients/create is a client's path as well.
            allowed = set(re.findall(r'\w+', answer.field('Allow') or ''))
            expect(methods <= allowed and 'PUT' not in allowed, path_, 'allows', allowed)
    gateway.stop()


def body_of(operation, wrong=False):
    """A JSON body that fits by the document: what is required, with least values."""
    what = followed(operation.get('requestBody', {})).get('content', {}).get('application/json')
    return sample(what['schema'], wrong) if what else None


SAMPLES = {'username': 'somebody', 'password': PASSWORD, 'newPassword': PASSWORD + '!',
           'agentId': 'agent-9', 'type': 'info'}


def sample(schema, wrong=False, name=''):
    schema = followed(schema)
    for part in ('oneOf', 'anyOf', 'allOf'):
        if part in schema:
            return sample(schema[part][0], wrong, name)
    if wrong and schema.get('type') != 'object':
        return {'of': 'another type'}
    if name in SAMPLES:
        return SAMPLES[name]
    if 'enum' in schema:
        return schema['enum'][0]
    kind = schema.get('type')
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == 'object':
        needed = schema.get('required', [])
        if wrong and not needed:
            needed = list(schema.get('properties', {}))[:1]
        return {n: sample(schema['properties'][n], wrong, n) for n in needed}
    return {'array': [], 'string': 'x' * max(1, schema.get('minLength', 1)), 'boolean': False,
            'integer': schema.get('minimum', 1), 'number': 1}.get(kind, 'x')


@case('what an administrator is answered has the documented shape')
def shapes(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    run = ui.run(label='x', tags=['y'], metadata={'z': 1})
    runner = Runner(gateway, run)
    runner.started().expect(200)
    ui.client('agent-1')
    ui.post('/api/runs/%s/vnc/start' % run['id']).expect(200)
    ui.user('somebody-else', 'viewer')
    wrong, good = [], 0
    # First what only reads, then what changes, last what takes away.
    order = {'GET': 0, 'POST': 1, 'PUT': 1, 'PATCH': 1, 'DELETE': 2}
    for method, path_, operation in sorted(operations(), key=lambda o: order[o[0]]):
        if '101' in operation['responses'] or path_ == '/api/auth/logout':
            continue
        names = {'id': run['id'], 'runId': run['id'], 'run': run['id']} if '/runs/' in path_ else {}
        body = body_of(operation)
        answer = ui.ask(method, filled(path_, names), body)
        good += answer.status == 200
        wrong += ['%s %s: %s (%s)' % (method, path_, c, answer)
                  for c in documented(operation, answer)]
        if answer.status >= 500:
            wrong.append('%s %s: %s' % (method, path_, answer))
    expect(not wrong, '\n'.join(wrong))
    expect(good >= 15, 'only %d were answered with 200' % good)
    gateway.stop()


@case('a body of other types is 400, never 500')
def other_types(stack):
    gateway = Gateway(stack)
    ui = gateway.setup()
    run = ui.run()['id']
    wrong = []
    for method, path_, operation in operations():
        body = body_of(operation, wrong=True)
        if not body or '/ingest/' in path_ or path_.endswith(('/claim', '/register', '/heartbeat',
                                                              '/ack')):
            continue
        names = {'id': run, 'runId': run, 'run': run} if '/runs/' in path_ else {}
        answer = ui.ask(method, filled(path_, names), body)
        if answer.status not in (400, 404):
            wrong.append('%s %s %s: %s' % (method, path_, body, answer))
    expect(not wrong, '\n'.join(wrong))
    gateway.stop()


main()
