# One image for the web server and the workers; docker-compose.yml says which it is.
FROM node:20-bookworm-slim AS browser
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund --ignore-scripts

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY --from=browser /app/node_modules node_modules
COPY . .
RUN useradd --system --create-home twinvault \
    && install -d -o twinvault -g twinvault var/static /data /keys \
    && TWINVAULT_SECRET_KEY=build python manage.py collectstatic --noinput --skip-checks \
    && chown -R twinvault var
USER twinvault
CMD ["gunicorn", "twinvault.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "12", "--timeout", "120"]
